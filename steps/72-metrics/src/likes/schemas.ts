import Type, { type Static } from 'typebox';
import { UserSchema } from '../accounts/schemas.ts';
import { IdSchema, PAGING, pageOf } from '../schemas.ts';

/** Whatever can be liked. */
export const SubjectSchema = Type.Object({
  subjectType: Type.Enum(['tweet', 'comment']),
  subjectId: IdSchema,
});
export type Subject = Static<typeof SubjectSchema>;

export const LikerSchema = Type.Object({
  user: UserSchema,
  createdAt: Type.String({ format: 'date-time' }),
});
export type Liker = Static<typeof LikerSchema>;

export const LikerListSchema = pageOf(LikerSchema);

export const LikersQuerySchema = Type.Object({ ...SubjectSchema.properties, ...PAGING });
