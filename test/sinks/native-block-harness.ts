/** Encoders and their blocks, as plain buffers. */
import { BLOCK_BYTES_MAX, NATIVE_BLOCK_ROWS_MAX } from '../../src/limits.ts';
import { createNativeBlockEncoder, type NativeBlockEncoder } from '../../src/sinks/native-block.ts';
import type { BlockOptions, JsonForm } from '../../src/sinks/native-block-setup.ts';

/** An encoder with the bounds of the server. Throws where the addon is not built. */
export function encoder(
  jsonForm: JsonForm = 'paths',
  options: Partial<BlockOptions> = {},
): NativeBlockEncoder {
  const bounds = { bytesMax: BLOCK_BYTES_MAX, rowsMax: NATIVE_BLOCK_ROWS_MAX };
  const made = createNativeBlockEncoder({ jsonForm, ...bounds, ...options });
  if (made === undefined) throw new Error('these tests need the addon: npm run build');
  return made;
}

/** The block that has gathered; it came in pieces of `pieceBytes`. */
export function take(from: NativeBlockEncoder, pieceBytes = 65_536): Buffer {
  const pieces: Buffer[] = [];
  const length = from.take(() => {
    const piece = Buffer.alloc(pieceBytes, 0xee);
    pieces.push(piece);
    return piece;
  });
  return Buffer.concat(pieces).subarray(0, length);
}
