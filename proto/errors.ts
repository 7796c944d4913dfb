/**
 * The one catalogue of what can go wrong. WebSocket frames, HTTP bodies, messages and logs carry these
 * codes and nothing else; the text shown to a person is chosen by code and language, so no internal
 * detail can reach it.
 */

export interface Fault {
  /** HTTP status where the code leaves by HTTP. */
  readonly status: number;
  /** Whether the same request may succeed later, unchanged. */
  readonly retryable: boolean;
  /** What the person reads, in each language. */
  readonly text: { readonly en: string; readonly 'pt-BR': string };
}

const fault = (status: number, retryable: boolean, en: string, pt: string): Fault => ({
  status,
  retryable,
  text: { en, 'pt-BR': pt },
});

export const faults = {
  AUTH_MISSING: fault(401, false, 'Sign in first', 'Entre na sua conta primeiro'),
  AUTH_INVALID: fault(401, false, 'The sign-in is not valid', 'A autenticação não é válida'),
  AUTH_EXPIRED: fault(401, true, 'The access token has expired', 'O token de acesso expirou'),
  AUTH_REVOKED: fault(401, false, 'The session was ended', 'A sessão foi encerrada'),
  AUTH_REPLAY: fault(401, false, 'This was used before', 'Isto já foi usado'),
  AUTH_ORIGIN: fault(403, false, 'This web origin may not connect', 'Esta origem não pode se conectar'),
  AUTH_STEP_UP: fault(
    401,
    false,
    'Confirm who you are with a second factor',
    'Confirme sua identidade com um segundo fator',
  ),
  MFA_REQUIRED: fault(
    403,
    false,
    'Administrative access needs a second factor',
    'O acesso administrativo exige um segundo fator',
  ),
  MFA_REPLAY: fault(401, false, 'This code was used before', 'Este código já foi usado'),
  PURPOSE_NOT_ALLOWED: fault(
    403,
    false,
    'The data may not be used for this purpose',
    'Os dados não podem ser usados para esta finalidade',
  ),
  CONSENT_REQUIRED: fault(
    403,
    false,
    'The person has not consented to this use',
    'A pessoa não consentiu com este uso',
  ),
  DSR_IDENTITY: fault(
    403,
    false,
    'It is not certain that you may ask this about this person; confirm who you are with a second factor',
    'Não há certeza de que você pode pedir isto sobre esta pessoa; confirme sua identidade com um segundo fator',
  ),
  AGG_SUPPRESSED: fault(
    403,
    false,
    'The group is too small to tell a figure',
    'O grupo é pequeno demais para informar um número',
  ),
  AI_SECURITY_VIOLATION: fault(
    403,
    false,
    'The question was refused for security reasons',
    'A pergunta foi recusada por segurança',
  ),
  AGENT_DISABLED: fault(503, false, 'This agent is switched off', 'Este agente está desativado'),
  SESSION_LIMIT: fault(
    429,
    true,
    'Too many sessions are open from this address',
    'Há sessões demais abertas deste endereço',
  ),
  LLM_QUOTA_EXCEEDED: fault(
    429,
    true,
    'The model quota of your organisation is used up for now',
    'A cota de modelo da sua organização acabou por enquanto',
  ),
  AUTHZ_DENIED: fault(
    403,
    false,
    'Insufficient permissions for this query',
    'Você não tem permissão para esta consulta',
  ),
  AUTHZ_NO_RELATION: fault(
    403,
    false,
    'You have no care relationship with this person',
    'Você não tem vínculo de atendimento com esta pessoa',
  ),
  TENANT_ISOLATION_VIOLATION: fault(
    403,
    false,
    'This does not belong to your organisation',
    'Isto não pertence à sua organização',
  ),
  SESSION_MISMATCH: fault(
    403,
    false,
    'The message names another user or session',
    'A mensagem cita outro usuário ou sessão',
  ),
  INTENT_UNCLASSIFIED: fault(
    422,
    false,
    'Unable to classify query intent',
    'Não entendi o que você quer consultar',
  ),
  INTENT_UNCLEAR: fault(
    422,
    false,
    'This may be about more than one thing; say which one you mean',
    'Isto pode ser sobre mais de uma coisa; diga sobre qual delas é',
  ),
  INPUT_INVALID: fault(400, false, 'The request is not valid', 'A solicitação não é válida'),
  INVALID_MESSAGE: fault(400, false, 'Invalid message structure', 'Estrutura de mensagem inválida'),
  UNSUPPORTED_MESSAGE: fault(400, false, 'Unsupported message type', 'Tipo de mensagem não suportado'),
  UNSUPPORTED_VERSION: fault(400, false, 'Unsupported protocol version', 'Versão de protocolo não suportada'),
  PAYLOAD_TOO_LARGE: fault(413, false, 'The message is too large', 'A mensagem é grande demais'),
  NOT_FOUND: fault(404, false, 'There is nothing here', 'Não há nada aqui'),
  RUN_CONFLICT: fault(
    409,
    false,
    'This run id belongs to another question',
    'Este id de execução pertence a outra pergunta',
  ),
  SLOT_TAKEN: fault(409, false, 'This time is taken', 'Este horário está ocupado'),
  OUTSIDE_HOURS: fault(422, false, 'Nobody is there at this time', 'Não há atendimento neste horário'),
  VERSION_CONFLICT: fault(
    409,
    false,
    'This was changed meanwhile; look at it again',
    'Isto foi alterado nesse meio-tempo; consulte de novo',
  ),
  STATE_CONFLICT: fault(409, false, 'This is not possible any more', 'Isto não é mais possível'),
  THREAD_BUSY: fault(
    409,
    true,
    'The last question of this conversation is still being answered',
    'A última pergunta desta conversa ainda está sendo respondida',
  ),
  INTERRUPT_OPEN: fault(
    409,
    false,
    'Answer first what you were asked in this conversation',
    'Responda primeiro ao que lhe foi perguntado nesta conversa',
  ),
  INTERRUPT_EXPIRED: fault(
    410,
    false,
    'The time to answer is over; ask your question again',
    'O prazo para responder acabou; faça sua pergunta de novo',
  ),
  CONFIRMATION_REQUIRED: fault(
    409,
    false,
    'This takes your confirmation, and can be confirmed only where you can be asked',
    'Isto exige sua confirmação, e só pode ser confirmado onde é possível perguntar a você',
  ),
  PERSON_UNCLEAR: fault(
    422,
    false,
    'It is not clear which one person is meant; give the full name or the id',
    'Não está claro qual pessoa é; informe o nome completo ou o id',
  ),
  RATE_LIMITED: fault(
    429,
    true,
    'Too many requests; wait a moment',
    'Muitas solicitações; aguarde um momento',
  ),
  OVERLOADED: fault(
    429,
    true,
    'Too much is waiting for your organisation',
    'Há solicitações demais em espera na sua organização',
  ),
  CTX_INVALID: fault(403, false, 'The security context is not valid', 'O contexto de segurança não é válido'),
  CTX_EXPIRED: fault(403, false, 'The security context has expired', 'O contexto de segurança expirou'),
  CTX_NO_GRANT: fault(403, false, 'No valid grant for this plan', 'Não há concessão válida para este plano'),
  CTX_PAYLOAD_MISMATCH: fault(
    403,
    false,
    'The content is not what was signed',
    'O conteúdo não é o que foi assinado',
  ),
  MSG_REPLAY: fault(409, false, 'This message was carried out before', 'Esta mensagem já foi executada'),
  MSG_DUP_UNEXPECTED: fault(
    500,
    true,
    'Something was stored where it should not be',
    'Algo foi guardado onde não devia',
  ),
  CRYPTO_AAD: fault(500, false, 'Sealed data is not in its place', 'Dados selados fora do seu lugar'),
  CRYPTO_FORMAT: fault(
    500,
    false,
    'Sealed data has an unknown form',
    'Dados selados em formato desconhecido',
  ),
  CRYPTO_KEY_RETIRED: fault(500, false, 'The key is retired', 'A chave foi aposentada'),
  CRYPTO_KEY_SHREDDED: fault(410, false, 'The data was erased', 'Os dados foram apagados'),
  MSG_POISON: fault(
    500,
    false,
    'The request could not be processed',
    'A solicitação não pôde ser processada',
  ),
  CLOCK_SKEW: fault(
    503,
    true,
    'The clocks of the system do not agree',
    'Os relógios do sistema não estão de acordo',
  ),
  REPORT_MISMATCH: fault(
    500,
    false,
    'The report does not agree with what was done',
    'O relatório não está de acordo com o que foi feito',
  ),
  RETENTION_BELOW_LEGAL_MIN: fault(
    422,
    false,
    'The law wants these data to be kept for longer',
    'A lei exige que estes dados sejam guardados por mais tempo',
  ),
  DEADLINE: fault(504, true, 'The answer took too long', 'A resposta demorou demais'),
  UPSTREAM_UNAVAILABLE: fault(
    503,
    true,
    'Part of the service is not available',
    'Parte do serviço não está disponível',
  ),
  DRAINING: fault(
    503,
    true,
    'This server restarts; the answer goes on, ask for it again',
    'Este servidor está reiniciando; a resposta continua, peça-a de novo',
  ),
  PROTOCOL: fault(
    500,
    false,
    'The answer could not be told as the protocol wants it',
    'A resposta não pôde ser transmitida como o protocolo exige',
  ),
  CANCELLED: fault(499, false, 'Cancelled', 'Cancelado'),
  INTERNAL: fault(500, true, 'Something failed on our side', 'Algo falhou do nosso lado'),
} as const satisfies Record<string, Fault>;

export type Code = keyof typeof faults;

export const codes = Object.keys(faults) as [Code, ...Code[]];

export type Locale = 'en' | 'pt-BR';

/** What a caller is told, over every transport alike. */
export interface ErrorBody {
  readonly code: Code;
  readonly message: string;
  readonly requestId: string;
  readonly retryable: boolean;
  /** The path of the field that is at fault, where one is; never what was in it. */
  readonly field?: string;
  /** What is to be proved, and how many seconds ago at most, where the code demands it (RFC 9470). */
  readonly acr_values?: string;
  readonly max_age?: number;
}

/** What a person must prove to do what `MFA_REQUIRED`, `AUTH_STEP_UP` and `DSR_IDENTITY` refuse: two factors, lately. */
export const stepUp = { acr_values: 'aal2', max_age: 300 } as const;

/** What is told beside a code, so that a client knows what to do about it. */
export const hintsOf = (code: Code): Partial<typeof stepUp> =>
  code === 'MFA_REQUIRED' || code === 'AUTH_STEP_UP' || code === 'DSR_IDENTITY' ? stepUp : {};

/** The text of a code in a language. */
export const textOf = (code: Code, locale: Locale): string => faults[code].text[locale];

/** The body of an error answer. */
export const errorBody = (
  code: Code,
  requestId: string,
  locale: Locale = 'en',
  field?: string,
): ErrorBody => ({
  code,
  message: textOf(code, locale),
  requestId,
  retryable: faults[code].retryable,
  ...(field ? { field } : {}),
  ...hintsOf(code),
});
