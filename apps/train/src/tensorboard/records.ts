import { create, type MessageInitShape, toBinary } from '@bufbuild/protobuf';
import { EventSchema } from './event_pb.ts';

/** CRC-32C (Castagnoli) of each byte, its polynomial 0x1EDC6F41 reflected. */
const CRC_TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1;
  return crc;
});

const VERSION = 'brain.Event:2';

/** `SessionLog.START`: TensorBoard forgets what earlier files say of this step and later ones. */
const START = 1;

/** What one event tells of a step. */
export type EventContent = NonNullable<MessageInitShape<typeof EventSchema>['what']>;

/** The events that a file begins with. `nextStep` is the first that it will tell of. */
export function fileHead(nextStep: number): readonly { readonly step: number; readonly what: EventContent }[] {
  return [
    { step: 0, what: { case: 'fileVersion', value: VERSION } },
    { step: nextStep, what: { case: 'sessionLog', value: { status: START } } },
  ];
}

/**
 * One event as a record of TFRecord's format, which event files are in: the length as uint64 and its checksum, the message and its checksum,
 * all little-endian.
 * @param wallTime seconds since 1970.
 */
export function eventRecord(step: number, what: EventContent, wallTime: number): Uint8Array<ArrayBuffer> {
  const message = toBinary(EventSchema, create(EventSchema, { step: BigInt(step), wallTime, what }));
  const record = new Uint8Array(16 + message.length);
  const view = new DataView(record.buffer);
  view.setBigUint64(0, BigInt(message.length), true);
  view.setUint32(8, maskedCrc(record.subarray(0, 8)), true);
  record.set(message, 12);
  view.setUint32(12 + message.length, maskedCrc(message), true);
  return record;
}

/** TFRecord's checksum: a CRC of data that hold CRCs is weak, so it is rotated by 15 bits and moved. */
function maskedCrc(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) crc = (CRC_TABLE[(crc ^ byte) & 0xff] as number) ^ (crc >>> 8);
  crc ^= 0xffffffff;
  return (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0;
}
