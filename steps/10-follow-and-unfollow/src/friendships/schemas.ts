import Type from 'typebox';

/** Whether the request changed anything: the second of two equal requests did not. */
export const ChangedSchema = Type.Object({ changed: Type.Boolean() });
