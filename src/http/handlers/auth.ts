import type { Static } from '@sinclair/typebox';
import { logIn } from '../../actions/log-in.ts';
import { signUp } from '../../actions/sign-up.ts';
import { AppError } from '../../errors.ts';
import { hashKey, type LogInAttempt } from '../../rate-limits/log-in-guard.ts';
import type { AppContext } from '../app-context.ts';
import { toLimitKey, toNetworkKey } from '../client-address.ts';
import { enforceRateLimit, isRateLimited, passwordRules, reportLimitHit } from '../rate-limit.ts';
import type { Reply } from '../reply.ts';
import { type RequestContext, signalOf } from '../request-context.ts';
import type { RouteRequest } from '../route.ts';
import type { LogIn, SignUp } from '../schemas/auth.ts';
import { normalizeEmail } from '../schemas/email.ts';
import { logSecurity } from '../security-log.ts';

type Body<B> = RouteRequest<undefined, undefined, B>;

export async function handleSignUp({ body, context }: Body<Static<typeof SignUp>>, app: AppContext): Promise<Reply> {
  const user = await signUp(
    app,
    {
      firstName: body.first_name,
      lastName: body.last_name,
      email: normalizeEmail(body.email) ?? body.email,
      city: body.city ?? null,
      country: body.country ?? null,
      rules: passwordRules(context, app),
      password: body.password1,
      passwordRepeated: body.password2,
    },
    signalOf(context),
  );
  app.knownUsers.remember(user.id, 0);
  logSecurity(context, app, 'user_signed_up', { userId: user.id });
  return { status: 201, body: user };
}

export async function handleLogIn({ body, context }: Body<Static<typeof LogIn>>, app: AppContext): Promise<Reply> {
  const email = normalizeEmail(body.email) ?? body.email;
  await enforceRateLimit(context, app, 'login-account', hashKey(email, toLimitKey(context.clientAddress)));
  const attempt = await beginAttempt(context, app, email);
  const result = await logIn(app, { email, password: body.password }, () => signalOf(context));
  if (result.outcome === 'refused') {
    logSecurity(context, app, 'log_in_refused', result.userId === undefined ? {} : { userId: result.userId });
    throw new AppError('wrong_credentials');
  }
  await attempt?.succeeded();
  logSecurity(context, app, 'log_in_succeeded', { userId: result.userId });
  return { status: 200, body: describeToken(result.token, app) };
}

export function describeToken(token: string, { config }: AppContext) {
  return { access_token: token, token_type: 'bearer', expires_in: config.tokens.lifetimeSeconds };
}

/** Rejects with 429 after too many failed log-ins to the address, known or not. Resolves to undefined without rate limits. */
async function beginAttempt(
  context: RequestContext,
  app: AppContext,
  email: string,
): Promise<LogInAttempt | undefined> {
  if (app.logInGuard === undefined || !isRateLimited(context, app)) return undefined;
  const attempt = await app.logInGuard.begin(email, toNetworkKey(context.clientAddress));
  if (attempt.waitSeconds === 0) return attempt;
  reportLimitHit(context, app, 'login-wait', 0);
  throw new AppError('too_many_log_ins', { retryAfterSeconds: attempt.waitSeconds });
}
