/**
 * Words of attacks on whoever reads a question, in Portuguese and English, folded: parts of the patterns in guard.ts. A
 * space separates the entries, an underscore stands for a space within one.
 */

const anyOf = (list: string): string => `(?:${list.trim().split(/\s+/).join('|').replaceAll('_', ' ')})`;

export const setAside = anyOf(`
  ignor(?:e|ing|a|ar|ando|em) disregard(?:ing)? forget(?:ting)? bypass(?:ing)? overrid(?:e|ing) overrul(?:e|ing) overwrit(?:e|ing) dismiss
  neglect violat(?:e|ing) disobey(?:ing)? circumvent(?:ing)? erase break(?:ing)? discard skip cancel delete drop disable deactivate remove
  replace pay_no_attention_to set_aside throw_out do_not_(?:follow|obey|apply) don_t_(?:follow|obey|apply) stop_(?:following|obeying)
  no_longer_(?:follow|obey) you_(?:are|re)_free_(?:from|of) there_are_no
  desconsider(?:e|a|ar|ando) esque(?:ca|cer|cendo|ce_tod[ao]s|ce_o_que|ce_(?:as_)?suas) despre(?:ze|zar|zando|sar) desobede(?:ca|cer|cendo) contorn(?:e|ar|ando) viol(?:e|ar|ando)
  burl(?:e|ar) descart(?:e|ar|ando) sobrescrev(?:a|er) anul(?:e|ar) quebr(?:e|ar|ando) pass(?:e|ar)_por_cima deix(?:e|ar)_de_lado
  nao_(?:siga|obedeca|respeite|cumpra|aplique) pare_de_(?:seguir|obedecer) desativ(?:e|ar|ando) remov(?:a|er) substitu(?:a|ir) apag(?:ue|ar)
  cancel(?:e|ar) pul(?:e|ar) delet(?:e|ar) revog(?:ue|ar) nao_exist(?:e|em)_mais
`);
export const orders = anyOf(`
  instructions? rules? prompts? directions? directives? guidelines? polic(?:y|ies) restrictions? safeguards? safety_\\w+
  limitations? orders system_messages? commands? constraints? protections? guardrails? configurations? settings (?:previous|prior)_text
  instrucao instrucoes regras? diretriz(?:es)? orientac\\w+ normas? politicas? restric\\w+ limitac\\w+ protec\\w+ comandos? ordens
  configurac\\w+ filtros?_de_seguranca medidas?_de_seguranca trava\\w* salvaguardas?
`);
export const whole = anyOf(`
  all any every each previous prior above earlier preceding following original initial your former these those
  tod[ao]s? qualquer quaisquer anterior\\w* acima inicia\\w* seus? suas? teus? tuas? previ[ao]s? original originais
`);
/** What makes an order one of the domain and not of the reader: it is about something. */
export const aboutSomething =
  '(?! (?:sobre|about|for|on|from|of (?:dr|the d)|para o|para a|para os|do dr|da dra|de uso|medic|aliment)\\b)';
export const reported =
  /\b(?:pediu|pediram|solicitou|quer|quis|perguntou|disse|asked|wants?|wanted|requested|told me)(?: \S+){0,3} ?$/;

export const tell = anyOf(`
  show reveal print repeat output tell list dump leak translate summari[sz]e copy encode transcribe send write expose give display
  return export what_(?:is|are|were) recite read email post paste reveals write_out spell give_me
  mostr[ea]\\w* revel[ea]\\w* imprim[ai]\\w* repit[ae]\\w* exponh\\w* envi[ea]\\w* traduz\\w* resum[ai]\\w* copi[ea]\\w* codifiqu\\w*
  transcrev\\w* vaz[ea]\\w* list[ea]\\w* exib[ai]\\w* dig[ao]\\w* escrev\\w* conte mand[ea] passe qua(?:l|is) export[ea]\\w* devolv\\w* leia col[ea] li[ae]? quais_(?:sao|eram|foram)
`);
export const secrets = anyOf(`
  system_prompts? (?:initial|hidden|secret|internal|original)_(?:prompt|message|instructions?|rules?|config\\w*) prompts?_de_sistema prompt_do_sistema
  your_(?:\\w+_)?(?:instructions?|rules?|prompts?|guidelines|directives|configuration|context|tools|system_message|programming)
  (?:suas?|seus?)_(?:\\w+_)?(?:instruc\\w+|regras|prompts?|diretrizes|configurac\\w+|contexto|ferramentas|system) system_message mensagem_(?:de|do)_sistema mensagem_inicial
  text_above texto_acima above_this_line acima_desta_linha context_window janela_de_contexto conteudo_do_seu_contexto everything_in_your_context
  api_keys? chaves?_(?:de_)?(?:api|acesso|secretas?) environment_variables? variaveis_de_ambiente connection_strings? string_de_conexao credentials? credenciais
  passwords? senhas_d\\w+ user_passwords tools_you_can ferramentas_que_voce conversation_history historico_de_conversas? audit_logs? log_de_auditoria
  (?:table|database)_schema esquema_d[aoe]s?_\\w+ admin_credentials stored_(?:credit|personal)_\\w+ cartoes_de_credito dados_pessoais_armazenados
  (?:prior|previous|initial|previas?|anteriores)_(?:policies|rules|instructions|prompts|restrictions|directions) logs_de_auditoria seu_prompt\\w* seus?_\\w+_prompt
  configuracao_interna instrucoes_(?:internas|iniciais|ocultas) regras_internas internal_rules
  admin(?:istrator)?_data dados_(?:de|do)_admin\\w* access_tokens? tokens?_de_acesso
`);
export const role = anyOf(`
  you_are_now from_now_on_you a_partir_de_agora voce_agora_e agora_voce_e act_as_(?:if_)?(?:a|an|the|root|admin|my)? pretend_(?:to_be|you_are|that_you)
  finja_(?:ser|que) aja_como atue_como comporte_se_como imagine_(?:que_voce|you_are) assuma_o_papel simul[ae]_(?:ser|um|uma|being|a|an) you_are_(?:a|an)_
  as_if_i_were_(?:the|an)? como_se_eu_fosse i_am_your sou_(?:o_)?seu roleplay_as let_(?:s|us)_play vamos_jogar voce_e_(?:o|a|um|uma)? i_am_the sou_(?:o|a)
`);
export const power = anyOf(`
  admin\\w* root hacker developer desenvolvedor\\w* unfiltered unrestricted uncensored irrestrit\\w* sem_filtros? sem_censura sem_restric\\w* sem_regras
  no_(?:rules|restrictions|directives|limits|guidelines|instructions|filters|policies|\\w+_(?:rules|restrictions)) without_(?:any_)?(?:rules|restrictions|limits|filters|guidelines|censorship)
  (?:nao_tem|nao_segue|sem|nao_possui)_(?:\\w+_)?(?:regras|restric\\w+|limit\\w+|filtros?|diretrizes|instruc\\w+|normas|politicas) dan do_anything_now jailbr\\w+ evil creator criador superus\\w+ dba suporte_tecnico database
  rebel\\w* unethical sem_etica antietic\\w* cumplice accomplice terminal_sql sql_terminal outro_chatbot without_ethics sem_limites responde_tudo que_responde
  follows?_no have_no has_no nao_tem nao_segue sysadmin owner_of_this god_mode
`);
