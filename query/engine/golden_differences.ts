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

const WORDS = "statuses and kinds are told as the words a query spells";
const TOO_MANY =
  "as many values as spans, of no use to choose from; the peer tells raw bytes or ints";
const OWN_COLUMN = "values in dedicated columns are told; the peer leaves them out";
const NO_SPANS = "names of resources that came without spans are told";
const NARROWED = "keys in dedicated columns and of links are told of narrowed spans too";

/** By name and group of the recording. */
export const tagDifferences: Readonly<Record<string, string>> = {
  "q filter tags-v2": NARROWED,
  "q or tags-v2": NARROWED,
  "v2 resource.service.name values-v2": NO_SPANS,
  "v2 .service.name values-v2": NO_SPANS,
  "filtered unparsable values-v2": NO_SPANS,
  "v2 span.http.method values-v2": OWN_COLUMN,
  "v2 .http.method values-v2": OWN_COLUMN,
  "v2 span.http.status_code values-v2": OWN_COLUMN,
  "v2 resource.k8s.pod.name values-v2": OWN_COLUMN,
  "v2 resource.k8s.cluster.name values-v2": OWN_COLUMN,
  "filtered values-v2": OWN_COLUMN,
  "filtered incomplete values-v2": OWN_COLUMN,
  "v2 status values-v2": WORDS,
  "v2 span:status values-v2": WORDS,
  "v2 kind values-v2": WORDS,
  "v2 span:kind values-v2": WORDS,
  "v2 duration values-v2": TOO_MANY,
  "v2 traceDuration values-v2": TOO_MANY,
  "v2 event:timeSinceStart values-v2": TOO_MANY,
  "v2 span:id values-v2": TOO_MANY,
  "v2 trace:id values-v2": TOO_MANY,
  "v2 span:parentID values-v2": TOO_MANY,
  "v2 link:traceID values-v2": TOO_MANY,
  "v2 link:spanID values-v2": TOO_MANY,
  "v2 span.n values-v2": "infinities and NaN have no fraction",
};
