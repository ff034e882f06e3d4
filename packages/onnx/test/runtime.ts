import { env, InferenceSession, Tensor } from 'onnxruntime-node';

// It warns of constants that its optimizer has made useless.
env.logLevel = 'error';

/** What a graph gives. */
interface Result {
  readonly dims: readonly number[];
  readonly data: Float32Array | Int32Array;
}

/** Runs a graph of one input and one output in onnxruntime. */
export async function run(
  bytes: Uint8Array,
  data: Float32Array | Int32Array,
  dims: readonly number[],
): Promise<Result> {
  const session = await InferenceSession.create(bytes, { logSeverityLevel: 3, intraOpNumThreads: 1 });
  const [input = ''] = session.inputNames;
  const given = data instanceof Float32Array ? new Tensor('float32', data, dims) : new Tensor('int32', data, dims);
  const results = await session.run({ [input]: given });
  await session.release();
  const [output = ''] = session.outputNames;
  const { dims: shape, data: values } = results[output] as Tensor;
  return { dims: shape, data: values as Float32Array | Int32Array };
}
