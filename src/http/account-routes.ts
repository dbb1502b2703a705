import { handleChangePassword, handleDeleteAccount, handleLogOutEverywhere } from './handlers/account.ts';
import { defineRoute, json, type Route } from './route.ts';
import * as auth from './schemas/auth.ts';

/** The routes by which users manage their accounts. */
export const accountRoutes: readonly Route[] = [
  defineRoute({
    method: 'POST',
    path: '/api/auth/password',
    operationId: 'changePassword',
    summary: 'Change the password',
    description:
      'Replaces the password of the user and returns a new token. All tokens issued before become invalid within 5 seconds.',
    tag: 'auth',
    auth: 'user',
    limit: 'password-user',
    body: json(auth.PasswordChange),
    success: { status: 200, schema: auth.Token, description: 'A token for the Authorization header.' },
    errors: ['wrong_credentials', 'passwords_differ', 'weak_password', 'password_queue_full'],
    handle: handleChangePassword,
  }),
  defineRoute({
    method: 'POST',
    path: '/api/auth/logout-everywhere',
    operationId: 'logOutEverywhere',
    summary: 'Log out everywhere',
    description:
      'All tokens of the user issued so far, that of this request included, become invalid within 5 seconds.',
    tag: 'auth',
    auth: 'user',
    success: { status: 204, description: 'The tokens are revoked. No body.' },
    handle: handleLogOutEverywhere,
  }),
  defineRoute({
    method: 'DELETE',
    path: '/api/auth/account',
    operationId: 'deleteAccount',
    summary: 'Delete the account',
    description:
      'Deletes the user for good, with all videos and their files, the votes for them, and the votes of the user for other videos.',
    tag: 'auth',
    auth: 'user',
    limit: 'password-user',
    body: json(auth.OwnPassword),
    success: { status: 204, description: 'The account is deleted. No body.' },
    errors: ['wrong_credentials', 'password_queue_full', 'account_in_use'],
    handle: handleDeleteAccount,
  }),
];
