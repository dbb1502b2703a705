import type { Static } from '@sinclair/typebox';
import { changePassword, logOutEverywhere } from '../../actions/change-password.ts';
import { deleteAccount } from '../../actions/delete-account.ts';
import { AppError } from '../../errors.ts';
import type { AppContext } from '../app-context.ts';
import { passwordRules } from '../rate-limit.ts';
import type { Reply } from '../reply.ts';
import { type RequestContext, signalOf } from '../request-context.ts';
import type { RouteRequest } from '../route.ts';
import type { OwnPassword, PasswordChange } from '../schemas/auth.ts';
import { logSecurity } from '../security-log.ts';
import { describeToken } from './auth.ts';

type Body<B> = RouteRequest<undefined, undefined, B>;

export async function handleChangePassword(
  { context, userId, body }: Body<Static<typeof PasswordChange>>,
  app: AppContext,
): Promise<Reply> {
  const { current_password: current, new_password1: next, new_password2: nextRepeated } = body;
  const token = await logRefusal(context, app, userId, () =>
    changePassword(app, userId, { current, next, nextRepeated, rules: passwordRules(context, app) }, signalOf(context)),
  );
  logSecurity(context, app, 'password_changed', { userId });
  return { status: 200, body: describeToken(token, app) };
}

export async function handleLogOutEverywhere(
  { context, userId }: RouteRequest<undefined, undefined, undefined>,
  app: AppContext,
): Promise<Reply> {
  await logOutEverywhere(app, userId);
  logSecurity(context, app, 'logged_out_everywhere', { userId });
  return { status: 204 };
}

export async function handleDeleteAccount(
  { context, userId, body }: Body<Static<typeof OwnPassword>>,
  app: AppContext,
): Promise<Reply> {
  await logRefusal(context, app, userId, () => deleteAccount(app, userId, body.password, signalOf(context)));
  logSecurity(context, app, 'account_deleted', { userId });
  return { status: 204 };
}

async function logRefusal<T>(
  context: RequestContext,
  app: AppContext,
  userId: number,
  work: () => Promise<T>,
): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof AppError && error.code === 'wrong_credentials')
      logSecurity(context, app, 'password_refused', { userId });
    throw error;
  }
}
