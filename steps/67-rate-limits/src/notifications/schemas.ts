import Type, { type Static } from 'typebox';
import { UserSchema } from '../accounts/schemas.ts';
import { PAGING, pageOf } from '../schemas.ts';

const BareNotificationSchema = Type.Object({
  id: Type.String(),
  type: Type.Enum(['comment.created', 'like.created', 'user.followed']),
  actor: UserSchema,
  subjectType: Type.Enum(['tweet', 'comment', 'user']),
  subjectId: Type.String(),
  unread: Type.Boolean(),
  createdAt: Type.String({ format: 'date-time' }),
});
export type BareNotification = Static<typeof BareNotificationSchema>;

/** With what the tweet or the comment says, if there is one and it is still there. */
export const NotificationSchema = Type.Object({
  ...BareNotificationSchema.properties,
  content: Type.Union([Type.String(), Type.Null()]),
});
export type Notification = Static<typeof NotificationSchema>;

export const MarkSchema = Type.Object({ unread: Type.Boolean() });

export const InboxQuerySchema = Type.Object({ unread: Type.Optional(Type.Boolean()), ...PAGING });
export const InboxSchema = pageOf(NotificationSchema);
export const CountSchema = Type.Object({ count: Type.Integer() });
