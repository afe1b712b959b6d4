import Type, { type Static } from 'typebox';

export const NewUploadSchema = Type.Object({
  type: Type.Enum(['image/jpeg', 'image/png', 'image/webp']),
  size: Type.Integer({ minimum: 1, maximum: 5 * 2 ** 20, description: 'In bytes' }),
});
export type NewUpload = Static<typeof NewUploadSchema>;

/** A form for the storage: these fields first, the file last, in a field named `file`. */
export const UploadSchema = Type.Object({
  id: Type.String(),
  url: Type.String(),
  fields: Type.Record(Type.String(), Type.String()),
  expiresAt: Type.String({ format: 'date-time' }),
});
export type Upload = Static<typeof UploadSchema>;

export const UploadParamsSchema = Type.Object({ id: Type.String({ pattern: '^[\\w-]{22}$' }) });
