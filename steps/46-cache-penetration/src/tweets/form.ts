import type { FastifyRequest } from 'fastify';
import { InvalidForm, readForm } from '../media/form.ts';
import { toPhoto } from '../media/images.ts';

/**
 * A tweet sent as a form: `content`, and up to 9 times `photos`, in their order. Each photo is made
 * when it arrives, so that of nine originals one is in memory. @throws what `toPhoto` throws too
 */
export async function readTweetForm(request: FastifyRequest) {
  const photos: Buffer[] = [];
  let content: string | undefined;
  await readForm(request, async (part) => {
    if (part.type === 'file' && part.fieldname === 'photos') {
      photos.push(await toPhoto(await part.toBuffer()));
    } else if (part.type === 'field' && part.fieldname === 'content' && !part.valueTruncated) {
      content = String(part.value);
    } else throw new InvalidForm('has only content and photos');
  });
  if (content === undefined) throw new InvalidForm('needs a content');
  if (!/^.{0,2800}$/su.test(content)) throw new InvalidForm('has 2800 code points at most');
  return { content, photos };
}
