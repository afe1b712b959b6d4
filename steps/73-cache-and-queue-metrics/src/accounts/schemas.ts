import Type, { type Static } from 'typebox';
import { NullableStringSchema } from '../schemas.ts';

export const SignupSchema = Type.Object({
  username: Type.String({ pattern: '^[A-Za-z0-9_]{3,20}$' }),
  email: Type.String({ format: 'email', maxLength: 254 }),
  password: Type.String({ minLength: 8, maxLength: 128 }),
});
export type Signup = Static<typeof SignupSchema>;

/** A user as everybody sees them. */
export const UserSchema = Type.Object({
  id: Type.String(),
  username: Type.String(),
  nickname: NullableStringSchema,
  avatarUrl: NullableStringSchema,
});
export type User = Static<typeof UserSchema>;

/** An account as its owner sees it. */
export const AccountSchema = Type.Object({
  ...UserSchema.properties,
  email: Type.String(),
});
export type Account = Static<typeof AccountSchema>;

/** The rule of 30 is the service's: JSON Schema counts code points, not characters. */
export const ProfileChangeSchema = Type.Object({
  nickname: Type.Unsafe<string | null>({ ...NullableStringSchema, maxLength: 300 }),
});
export type ProfileChange = Static<typeof ProfileChangeSchema>;

/** Looser than signing up, but ASCII: MySQL cannot compare the column with anything else. */
export const LoginSchema = Type.Object({
  username: Type.String({ pattern: '^[!-~]{0,254}$' }),
  password: Type.String({ maxLength: 128 }),
});
export type Login = Static<typeof LoginSchema>;

export const TokensSchema = Type.Object({
  accessToken: Type.String(),
  refreshToken: Type.String(),
});

export const TokenSchema = Type.Object({ refreshToken: Type.String({ pattern: '^[\\w.-]+$' }) });
