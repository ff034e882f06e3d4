import { stat } from 'node:fs/promises';
import { init } from '@vqkit/backend-node';
import { CheckpointError, readSafetensorsHeader } from '@vqkit/checkpoint';
import { fileSource } from '@vqkit/codecs/node';
import { exampleShape, loadTokenizer } from '@vqkit/tokenizer';
import { readTokenizer } from '@vqkit/train';

/** Whether a path is a run folder, or a checkpoint or tokenizer that vqkit wrote. Of a file only the header is read. */
export async function isOfVqkit(path: string): Promise<boolean> {
  const found = await stat(path).catch(() => undefined);
  if (found === undefined || found.isDirectory()) return found !== undefined;
  try {
    const { metadata } = await readSafetensorsHeader(await fileSource(path));
    return /^vqkit-(?:tokenizer|train)-\d+$/.test(metadata.format ?? '');
  } catch (error) {
    if (error instanceof CheckpointError) return false;
    throw error;
  }
}

/**
 * The network of a run, a checkpoint or a tokenizer as a table: of each layer its shape for one example, parameters, floating point operations and receptive field.
 * @throws OptionError or CheckpointError as `readTokenizer` and `loadTokenizer`.
 */
export async function networkTable(path: string): Promise<string> {
  const bytes = await readTokenizer(path);
  await init();
  const tokenizer = loadTokenizer(bytes, path);
  try {
    const { config, quantizer, codebookSize, numCodebooks, bitsPerToken } = tokenizer;
    const { encoder, quantizerNumbers, decoder } = tokenizer.describe(exampleShape(config));
    const codes = numCodebooks === 1 ? `${codebookSize} codes` : `${numCodebooks} × ${codebookSize} codes`;
    const rows = [
      ['layer', 'operation', 'shape', 'parameters', 'FLOPs', 'field'],
      ['input', '', sizes(encoder.inputShape.slice(1)), '', '', ''],
      ...encoder.layers.map(row),
      ['quantizer', quantizer.kind, sizes(decoder.inputShape.slice(1)), number(quantizerNumbers), '', ''],
      ...decoder.layers.map(row),
    ];
    const total = encoder.parameters + decoder.parameters + quantizerNumbers;
    return [
      ...aligned(rows),
      `${config.architecture} around ${config.quantizer}: ${codes}, ${bitsPerToken.toFixed(2)} bits per token`,
      `${number(total)} numbers: encoder ${number(encoder.parameters)}, quantizer ${number(quantizerNumbers)}, decoder ${number(decoder.parameters)}`,
      `FLOPs per example: encoder ${number(encoder.flops)}, decoder ${number(decoder.flops)}`,
      ...(encoder.receptiveField.length === 0
        ? []
        : [`a token sees ${sizes(encoder.receptiveField)} places of the input`]),
    ].join('\n');
  } finally {
    tokenizer.dispose();
  }
}

function row(layer: {
  name: string;
  operation: string;
  shape: readonly number[];
  parameters: number;
  flops: number;
  receptiveField: readonly number[];
}): string[] {
  const { name, operation, shape, parameters, flops, receptiveField } = layer;
  return [
    name,
    operation,
    sizes(shape.slice(1)),
    parameters === 0 ? '' : number(parameters),
    flops === 0 ? '' : number(flops),
    sizes(receptiveField),
  ];
}

function sizes(lengths: readonly number[]): string {
  return lengths.map((length) => (Number.isFinite(length) ? length : 'all')).join(' × ');
}

function number(value: number): string {
  return value.toLocaleString('en-US');
}

/** Columns of one width; numbers to the right. */
function aligned(rows: readonly (readonly string[])[]): string[] {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((cells) => cells[column]?.length ?? 0)));
  return rows.map((cells) =>
    cells
      .map((cell, column) => {
        const width = widths[column] as number;
        return column === 3 || column === 4 ? cell.padStart(width) : cell.padEnd(width);
      })
      .join('  ')
      .trimEnd(),
  );
}
