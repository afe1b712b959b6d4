import createError from '@fastify/error';
import sharp from 'sharp';

export const UnsupportedImage = createError('UNSUPPORTED_IMAGE', 'Send a JPEG, PNG or WebP', 415);
export const BrokenImage = createError('BROKEN_IMAGE', 'This image cannot be decoded', 400);

const FORMATS = ['jpeg', 'png', 'webp'];

/**
 * Makes a WebP of 400 × 400 pixels, upright, with nothing in it but the pixels: the bytes that a
 * stranger sent are decoded and never kept, and where a photo was taken stays with who took it.
 *
 * @throws {UnsupportedImage} by what the bytes are, not by what they are called, or {BrokenImage}.
 */
export async function toAvatar(bytes: Buffer): Promise<Buffer> {
  if (bytes.length === 0) throw new BrokenImage();
  const { format } = await sharp(bytes).metadata().catch(refuse);
  if (!FORMATS.includes(format)) throw new UnsupportedImage();
  const image = sharp(bytes).autoOrient().resize(400, 400, { fit: 'cover' });
  return image.webp().toBuffer().catch(refuse);
}

function refuse({ message }: Error): never {
  throw message.includes('unsupported image format') ? new UnsupportedImage() : new BrokenImage();
}
