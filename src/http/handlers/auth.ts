import { hash } from 'node:crypto';
import type { Static } from '@sinclair/typebox';
import { logIn } from '../../actions/log-in.ts';
import { signUp } from '../../actions/sign-up.ts';
import type { AppContext } from '../app-context.ts';
import { toLimitKey } from '../client-address.ts';
import { enforceRateLimit } from '../rate-limit.ts';
import type { Reply } from '../reply.ts';
import { signalOf } from '../request-context.ts';
import type { RouteRequest } from '../route.ts';
import type { LogIn, SignUp } from '../schemas/auth.ts';
import { normalizeEmail } from '../schemas/email.ts';

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
      password: body.password1,
      passwordRepeated: body.password2,
    },
    signalOf(context),
  );
  app.knownUsers.remember(user.id);
  return { status: 201, body: user };
}

export async function handleLogIn({ body, context }: Body<Static<typeof LogIn>>, app: AppContext): Promise<Reply> {
  const email = normalizeEmail(body.email) ?? body.email;
  await enforceRateLimit(context, app, 'login-account', nameAttempt(email, context.clientAddress));
  const token = await logIn(app, { email, password: body.password }, () => signalOf(context));
  return {
    status: 200,
    body: { access_token: token, token_type: 'bearer', expires_in: app.config.tokens.lifetimeSeconds },
  };
}

/** Names one account as tried from one address. Redis stores neither of them in the clear. */
function nameAttempt(email: string, clientAddress: string): string {
  return hash('sha256', `${email}\0${toLimitKey(clientAddress)}`, 'base64url');
}
