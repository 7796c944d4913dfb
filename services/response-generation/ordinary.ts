/**
 * Words that begin a sentence or a heading and name nobody, folded. A capital word of an answer that is neither here nor
 * granted is taken for a name: one that is missing costs an answer of the model, one too many could let a name through.
 */

const setOf = (list: string): ReadonlySet<string> => new Set(list.trim().split(/\s+/));

export const ordinaryWords: Readonly<Record<'en' | 'pt-BR', ReadonlySet<string>>> = {
  'pt-BR': setOf(`
    abaixo acima ainda alem algum alguma algumas alguns apenas apos aquela aquelas aqui assim atualmente cada
    conforme consta constam contudo dado dados data datas dela dele deles delas dentre detalhe detalhes dia dias
    disso encontrada encontradas encontrado encontrados encontramos encontrei entao entretanto estes existe existem
    exibindo ficou ficaram foram hora horario horarios horas houve informacao informacoes infelizmente isso linha
    linhas lista logo mes meses mesmo nada ninguem nome nomes nota note observacao observe outra outras outro outros
    pagina pedido pergunta periodo porem portanto prezada prezado primeira primeiro profissional quantidade registro
    registros responda resposta respostas restante resultado resultados resumindo resumo segue seguem seguinte
    seguintes segundo semana semanas senhor senhora servico servicos seguir situacao somente soma status tais tambem
    tendo tinha tipo titulo todavia tudo total totais totaliza totalizam trata tratam ultima valor valores veja
    dr dra sr sra srta prof profa
  `),
  en: setOf(`
    according additionally afterwards altogether amount amounts also another answer answers based below besides check
    currently data date dates day days detail details during each everybody everyone everything finally first
    following for found furthermore given heading hence hour hours however if in including information item items
    last later list listed lists month months moreover name names nobody nothing note now number of only other others
    otherwise overall page per period please question record records regarding remaining result results row rows
    schedule second service services showing shown since so sorry status still sum summary than thank thanks that
    then thereafter thus time times title total totals type unfortunately value values week weeks when while with
    year years above
    dr mr mrs ms miss prof
  `),
};

/** What stands before the name of a person, however that is written. */
export const titles: ReadonlySet<string> = setOf(
  'dr dra doutor doutora sr sra srta dona mr mrs ms miss prof profa',
);

/** What joins the parts of one name. */
export const particles: ReadonlySet<string> = setOf('da das de del di do dos la le van von y');
