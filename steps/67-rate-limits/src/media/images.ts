import createError from '@fastify/error';
import sharp, { type ResizeOptions } from 'sharp';

export const UnsupportedImage = createError('UNSUPPORTED_IMAGE', 'Send a JPEG, PNG or WebP', 415);
export const BrokenImage = createError('BROKEN_IMAGE', 'This image cannot be decoded', 400);
export const ImageAndMore = createError('IMAGE_AND_MORE', 'The file goes on after its image', 400);
export const TooManyPixels = createError('TOO_MANY_PIXELS', '25 megapixels are the most', 413);

/** A small file can say that it has a billion pixels, each of which takes memory. */
const MAX_PIXELS = 25_000_000;

// Decoders are where attackers look for holes first. SVG, PDF, GIF and the rest are never even run.
sharp.block({ operation: ['VipsForeignLoad'] });
sharp.unblock({
  operation: ['VipsForeignLoadJpeg', 'VipsForeignLoadPng', 'VipsForeignLoadWebp'],
});

/** Whether a file ends where its image does: behind it others hide a page, a program, an archive. */
const ENDS: Partial<Record<string, (bytes: Buffer) => boolean>> = {
  jpeg: (bytes) => bytes.readUInt16BE(bytes.length - 2) === 0xffd9,
  png: (bytes) => bytes.lastIndexOf('IEND') === bytes.length - 8,
  webp: (bytes) => bytes.readUInt32LE(4) + 8 === bytes.length,
};

/**
 * Makes a WebP of 400 × 400 pixels, upright, with nothing in it but the pixels: the bytes that a
 * stranger sent are decoded and never kept, and where a photo was taken stays with who took it.
 *
 * @throws {UnsupportedImage} by what the bytes are, not by what they are called, {BrokenImage},
 *   {TooManyPixels} or {ImageAndMore}.
 */
export async function toAvatar(bytes: Buffer): Promise<Buffer> {
  return remake(bytes, { width: 400, height: 400, fit: 'cover' });
}

/** As `toAvatar`, but whole: what is larger than 2048 × 2048 pixels is made to fit into that. */
export async function toPhoto(bytes: Buffer): Promise<Buffer> {
  return remake(bytes, { width: 2048, height: 2048, fit: 'inside', withoutEnlargement: true });
}

async function remake(bytes: Buffer, size: ResizeOptions): Promise<Buffer> {
  if (bytes.length === 0) throw new BrokenImage();
  const header = sharp(bytes, { limitInputPixels: false });
  const { format, width, height } = await header.metadata().catch(refuse);
  if (width * height > MAX_PIXELS) throw new TooManyPixels();
  const image = sharp(bytes, { limitInputPixels: MAX_PIXELS }).autoOrient();
  const webp = image.resize(size).webp().timeout({ seconds: 10 });
  const result = await webp.toBuffer().catch(refuse);
  if (!ENDS[format]?.(bytes)) throw new ImageAndMore();
  return result;
}

function refuse({ message }: Error): never {
  throw message.includes('unsupported image format') ? new UnsupportedImage() : new BrokenImage();
}
