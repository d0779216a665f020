// Recorded answers of the peer that ours differ from on purpose, by name of the recording.

const COMPLEMENT = "`!( … )` is the complement of what it negates; the peer finds nothing";
const FAILS = "the peer answers with status 500";
const SWAPPED = "the peer swaps the operands of int ^ int";
const NO_PARENT = "a root's parent id reads as the empty string";
const NONE_OF_ARRAY = "an array with an equal element is not unequal";
const DEDICATED =
  "values of another type under a dedicated key are values, and arrays stay whole; the peer's " +
  "columns lose them";
const SENT_TWICE = "a span that was sent twice counts once";
const FAR = "a trace of 56 years: the peer wraps its milliseconds, our nanoseconds round to 256";

export const searchDifferences: Readonly<Record<string, string>> = {
  "{}": `${SENT_TWICE}; ${FAR}`,
  "{ true }": `${SENT_TWICE}; ${FAR}`,
  "{ duration > 2s }": FAR,
  "{ span:duration > 2s }": FAR,
  "{ duration = 0 }": FAR,
  "{ duration > 1d }": FAR,
  "{ traceDuration > 3s }": FAR,
  "{ duration < 1us }": FAR,
  "{ duration > 1s + 500ms }": FAR,
  "{ duration * 2 > 5s }": FAR,
  "avg(duration) > 2s": FAR,
  "narrow time range": FAR,
  "range before data": FAR,
  '{ span:id = "0000000000000001" }': "the peer misses ids with leading zero bytes",
  '{ span:parentID = "" && resource.service.name = "topo" }': NO_PARENT,
  "{ span.l != nil } | select(trace:duration, span:duration, span:childCount, nestedSetLeft, nestedSetRight, nestedSetParent, span:parentID, statusMessage, rootName, rootServiceName, instrumentation:name)":
    NO_PARENT,
  "{ instrumentation.a = 1 }": "one of the five scopes has no attributes",
  "{ span.server.port > 100 }": DEDICATED,
  '{ span.http.method = nil && resource.service.name = "dedicated" }': DEDICATED,
  '{ span.http.method != nil && resource.service.name = "dedicated" }': DEDICATED,
  '{ resource.k8s.pod.name = nil && resource.service.name = "dedicated" }': DEDICATED,
  '{ span.http.method != "GET" && resource.service.name = "dedicated" }': DEDICATED,
  '{ span.http.status_code != 200 && resource.service.name = "dedicated" }': DEDICATED,
  "{ nestedSetParent = 0 }": SENT_TWICE,
  "{ .a = 1 || (.b = 2 && .c = 3) }": SENT_TWICE,
  '{ name > "w" }': SENT_TWICE,
  '{ resource.service.name = "dup" } > { resource.service.name = "dup" }': SENT_TWICE,
  "{ 2 ^ 3 = 8 }": SWAPPED,
  "{ 2 ^ 3 = 9 }": SWAPPED,
  "{ span.depth ^ 2 = 9 }": SWAPPED,
  '{ !(span.db.rows > 5) && name = "SELECT carts" }': COMPLEMENT,
  '{ !(span.nosuch = 1) && name = "charge" }': COMPLEMENT,
  "{ !(span.nosuch = 1) }": COMPLEMENT,
  "{ !(span.db.rows > 5) }": COMPLEMENT,
  '{ !(name = "charge") && resource.service.name = "worker" }': COMPLEMENT,
  '{ nil = nil && name = "charge" }': "nil is nil",
  '{ span.s != "foo" }': NONE_OF_ARRAY,
  "{ span.i != 5 }": NONE_OF_ARRAY,
  "{ span.b != true }": NONE_OF_ARRAY,
  '{ span.db.statement !~ ".*id = [0-5].*" }': FAILS,
  '{ span.s !~ "ba.*" }': FAILS,
  '{ span.s = "foo" || span.s = "qux" }': FAILS,
  '{ span.s != "foo" && span.s != "qux" }': FAILS,
  "{ span.db.rows / 0 = 1 }": FAILS,
  '{ resource.service.name = "worker" } | select(span.amount, span.currency, resource.k8s.pod.name, status, kind, name, event:name, link.link.type)':
    "a span without events has no event name to show",
  "{ span.i != nil } | max(span.i) > 5": "elements of arrays are values of an aggregate",
};
