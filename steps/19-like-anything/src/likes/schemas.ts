import Type, { type Static } from 'typebox';
import { IdSchema } from '../schemas.ts';

/** Whatever can be liked. */
export const SubjectSchema = Type.Object({
  subjectType: Type.Enum(['tweet', 'comment']),
  subjectId: IdSchema,
});
export type Subject = Static<typeof SubjectSchema>;
