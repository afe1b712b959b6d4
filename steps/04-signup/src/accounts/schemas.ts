import Type, { type Static } from 'typebox';

export const SignupSchema = Type.Object({
  username: Type.String({ pattern: '^[A-Za-z0-9_]{3,20}$' }),
  email: Type.String({ format: 'email', maxLength: 254 }),
  password: Type.String({ minLength: 8, maxLength: 128 }),
});
export type Signup = Static<typeof SignupSchema>;

/** An account as its owner sees it. */
export const AccountSchema = Type.Object({
  id: Type.String(),
  username: Type.String(),
  email: Type.String(),
});
export type Account = Static<typeof AccountSchema>;
