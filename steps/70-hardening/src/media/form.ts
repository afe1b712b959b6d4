import createError from '@fastify/error';
import type { Multipart } from '@fastify/multipart';
import type { FastifyRequest } from 'fastify';

export const NoForm = createError('NO_FORM', 'Send a form: multipart/form-data', 415);
export const InvalidForm = createError('INVALID_FORM', 'This form %s', 400);

/** Hands over the parts of a form in turn. @throws {NoForm}, {InvalidForm}, or 413 over a limit */
export async function readForm(
  request: FastifyRequest,
  take: (part: Multipart) => Promise<void>,
): Promise<void> {
  if (!request.isMultipart()) throw new NoForm();
  try {
    for await (const part of request.parts()) await take(part);
  } catch (error) {
    // The parser's own errors have no status: what it cannot read is the sender's fault.
    if ((error as { statusCode?: number }).statusCode) throw error;
    throw new InvalidForm('is broken, or breaks off');
  }
}

/** The bytes of the one file of a form, which has nothing else in it. @throws as `readForm` */
export async function readFile(request: FastifyRequest, name: string): Promise<Buffer> {
  const files: Buffer[] = [];
  await readForm(request, async (part) => {
    if (part.type !== 'file' || part.fieldname !== name) throw new InvalidForm(`has only ${name}`);
    files.push(await part.toBuffer());
  });
  if (!files[0]) throw new InvalidForm(`needs a file in the field ${name}`);
  return files[0];
}
