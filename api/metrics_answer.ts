// The answers to metrics queries. That of an instant may hold no key that is not listed here: Grafana's
// plugin decodes it strictly.
import type { ProtobufWriter } from "../lib/protobuf_writer.ts";
import type {
  MetricsResult,
  MetricsSample,
  QueryCost,
  ResultAttribute,
  ResultSeries,
} from "../query/engine/mod.ts";
import type { Answered } from "../query/frontend/mod.ts";
import { type AnswerForms, nonZero, type Pause, putText, putUint64 } from "./answer_format.ts";
import { attributeJson, putAttribute } from "./result_value.ts";
import { metricsJson, putMetrics } from "./search_answer.ts";

/** COMPLETE is 0 and never told. */
const PARTIAL = 1;

export function metricsRangeAnswer(
  result: MetricsResult,
  answered: Answered<QueryCost>,
): AnswerForms {
  const about = () => ({ metrics: metricsJson(answered), ...statusJson(result) });
  return {
    json: () => ({ series: result.series.map(seriesJson), ...about() }),
    jsonText: async (pause) => {
      const texts = await seriesTexts(result.series, pause);
      return `{"series":[${texts.join()}],${JSON.stringify(about()).slice(1)}`;
    },
    protobuf: (out) => {
      for (const series of result.series) out.message(1, () => putSeries(out, series));
      out.message(2, () => putMetrics(out, answered));
      putStatus(out, result);
    },
  };
}

/** Every series has one sample. */
export function metricsInstantAnswer(
  result: MetricsResult,
  answered: Answered<QueryCost>,
): AnswerForms {
  return {
    json: () => ({
      // The peer leaves the list out, here and not of a range.
      ...(result.series.length > 0 && {
        series: result.series.map(({ labels, samples }) => ({
          labels: labels.map(attributeJson),
          ...valueJson(samples[0]!.value),
        })),
      }),
      metrics: metricsJson(answered),
      ...statusJson(result),
    }),
    protobuf: (out) => {
      for (const series of result.series) out.message(1, () => putInstant(out, series));
      out.message(2, () => putMetrics(out, answered));
      putStatus(out, result);
    },
  };
}

function statusJson({ partialBecause }: MetricsResult): object {
  return partialBecause === "" ? {} : { status: "PARTIAL", message: partialBecause };
}

export function putStatus(out: ProtobufWriter, { partialBecause }: MetricsResult): void {
  if (partialBecause === "") return;
  out.varint(3, PARTIAL);
  putText(out, 4, partialBecause);
}

function seriesJson(
  { labels, samples, exemplars }: ResultSeries,
): { readonly samples: readonly object[] } {
  return {
    ...labelsJson(labels),
    samples: samples.map(({ timestampMs, value }) => ({
      ...nonZero("timestampMs", BigInt(timestampMs)),
      ...valueJson(value),
    })),
    ...(exemplars.length === 0 ? {} : {
      exemplars: exemplars.map(({ labels, timestampMs, value }) => ({
        ...labelsJson(labels),
        ...valueJson(value),
        ...nonZero("timestampMs", BigInt(timestampMs)),
      })),
    }),
  };
}

/** So many samples are written down in one turn of the thread: some two milliseconds. */
const SAMPLES_PER_TURN = 10_000;
/** What is around the samples of a series takes as long as so many. */
const SAMPLES_PER_SERIES = 30;

async function seriesTexts(all: readonly ResultSeries[], pause: Pause): Promise<string[]> {
  const texts: string[] = [];
  let samples = 0;
  for (const series of all) {
    texts.push(seriesText(series));
    samples += series.samples.length + SAMPLES_PER_SERIES;
    if (samples < SAMPLES_PER_TURN) continue;
    samples = 0;
    await pause();
  }
  return texts;
}

function seriesText(series: ResultSeries): string {
  const { samples: _, ...rest } = seriesJson({ ...series, samples: [] });
  const others = JSON.stringify(rest).slice(1, -1);
  const separator = others === "" ? "" : ",";
  return `{"samples":[${samplesText(series.samples)}]${separator}${others}}`;
}

/** As `JSON.stringify` of the samples' objects would write them, without the brackets. */
function samplesText(samples: readonly MetricsSample[]): string {
  let text = "";
  for (const { timestampMs, value } of samples) {
    const time = timestampMs === 0 ? "" : `"timestampMs":"${timestampMs}"`;
    const number = value === 0
      ? ""
      : Number.isFinite(value)
      ? `"value":${value}`
      : `"value":"${value}"`;
    const both = time !== "" && number !== "" ? "," : "";
    text += `${text === "" ? "" : ","}{${time}${both}${number}}`;
  }
  return text;
}

function labelsJson(labels: readonly ResultAttribute[]): object {
  return labels.length === 0 ? {} : { labels: labels.map(attributeJson) };
}

/** JSON has no word for numbers that are none, so they are texts. */
function valueJson(value: number): { value?: number | string } {
  return nonZero("value", Number.isFinite(value) ? value : String(value));
}

export function putSeries(out: ProtobufWriter, { labels, samples, exemplars }: ResultSeries): void {
  for (const label of labels) putAttribute(out, 1, label);
  for (const sample of samples) out.message(2, () => putSample(out, sample, 1));
  for (const exemplar of exemplars) {
    out.message(4, () => {
      for (const label of exemplar.labels) putAttribute(out, 1, label);
      putSample(out, exemplar, 2);
    });
  }
}

export function putInstant(out: ProtobufWriter, { labels, samples }: ResultSeries): void {
  for (const label of labels) putAttribute(out, 1, label);
  putDouble(out, 2, samples[0]!.value);
}

/** The value, and the time in the field after it. */
function putSample(
  out: ProtobufWriter,
  { timestampMs, value }: MetricsSample,
  field: number,
): void {
  putDouble(out, field, value);
  putUint64(out, field + 1, timestampMs);
}

function putDouble(out: ProtobufWriter, field: number, value: number): void {
  if (value === 0) return;
  const bits = new DataView(new ArrayBuffer(8));
  bits.setFloat64(0, value, true);
  out.fixed64(field, bits.getUint32(0, true), bits.getUint32(4, true));
}
