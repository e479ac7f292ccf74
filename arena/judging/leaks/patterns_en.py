"""What a model says of itself in English, in the notation of arena.judging.leaks.patterns."""

from arena.judging.leaks.patterns import read_patterns

EN = read_patterns(r"""
[parts]
i: \b(?:i|i'm|i am|im|i've|i have|i'd|i would|i'll|i will)\b
am: \b(?:i'm|i am|im|i myself am|i remain|i(?:'ll| will) (?:always )?(?:be|stay|remain)|myself)\b
was: \b(?:i was|i am|i'm|i have been|i've been|i had been|i got)\b
are: \b(?:is|are|was|were)\b
you are: \byou(?:'re| are)
first: \b(?:i|i'm|i'd|my|me)\b
just: (?:,? ?(?:\w{2,10}ly|just|still|indeed|in fact|here|also|last|first|in reality|in truth|of course|today|the ai
    |your ai|an ai)\b,?){0,3} ?
built: \b(?:built|made(?= (?:by|in|at|for|and|or|from|available|with|originally)\b|,)|created|developed|trained
    |designed|fine-?tuned|programmed|engineered|produced|released|launched|powered|owned|operated|maintained|distilled
    |pre-?trained|offered|provided|introduced|updated|conceived|coded|brought to life|put together)(?! to| with)
build: \b(?:train(?:ed|ing|s)?|creat(?:ed|ing|es?)|develop(?:ed|ing|s)?|design(?:ed|ing|s)?|build(?:ing|s)?|built
    |(?:fine-?)?tun(?:ed|ing|es?)|program(?:med|ming|s)?|engineer(?:ed)?|updat(?:ed|ing|es?)|align(?:ed)?|improv(?:ed
    |ing))
by: \b(?:by|at|from|within)\b
called: (?:called|named|known as)
# People who study, sell or use models are not models.
human: \b(?:student|engineer|employee|painter|baker|teacher|professor|researcher|scientist|intern|manager|users?
    |customer|fan|developer|journalist|nurse|founder|ceo|writer|artist|doctor|lawyer|programmer|expert|owner
    |subscriber|graduate|alumn\w{1,3}|consultant|analyst|investor|shareholder|partner)\b
no human: (?!(?:'s)? ?(?:(?!and\b)\w{1,15} ){0,2}<human>)
# After a name that people have too: the clause ends and no life story follows, or the sentence speaks of a model.
who: (?:(?=[ )\"]{0,2}(?:$|[。!?\n:;(~…—–]))|(?=,)(?!, ?<life>)|(?!<s60><human>)(?:(?=<s60>(?:<ai>|<built> <by>))
    |(?=,? and (?:i )?<serve>|,? and i(?:'m| am) <glad>)|(?=[ ,(]{1,2}(?:from |by |at |of )?(?:the )?<MLF>)))
life: (?:who|an?|the|born|aged|from|my|\d|married|said|and (?:my|this)|(?:and )?i (?:live|work|study|have been
    |have (?:a|two|three)|am an?))\b
glad: (?:happy|glad|here|ready|pleased|delighted|eager|honou?red|sorry|able|unable|thrilled)
serve: (?:can|may|might|could|apologi[sz]e|try|understand|was|will|won't|would|cannot|can't|aim|am here|don't|speak
    |help|answer|run|process|generate)\b
# Between `I am` and a name: words that may stand there, unless they say that the speaker is not the one named.
gap: (?:\b(?:product|creation|child|brainchild|work|member|part|version|instance|variant|descendant|copy|release|one
    |name|result|derivative|invention)s? of(?: the)?\b|known as|(?!<apart>)[^。!?\n;:]){0,50}?
apart: (?:<human>|\b(?:to|with|about|for|at|in|than|like|as|if|that|whether|sure|told|afraid|\w{3,12}ing|who|which
    |what|how|because|so|but|and|when|while|i|you|we|they|he|she|it|happy|glad|grateful|familiar|interested|different
    |not|of|on|by|from)\b)
# After `I am a model`: what follows is about another model, or about something else.
other: (?:[?:;(]|\b(?:like|alike|similar|comparable|than|as|about|and|but|so|because|can|cannot|can't|could|will|would
    |do|does|don't|not|know|whether|if|to|on|with|without|just|than|unlike|no|i|you|we|they|which|what)\b)
# What a model does for those who use it.
helps: (?:help|g[ai]ve|sen[dt]|invit|offer|t[eo]ll?d?|ask|show|surpris|impress|made|mak|let|charg|refus|recommend
    |suggest|cost|sav|teach|taught|wr[io]te|explain|answer|email|bann|block|remind|convinc|worr|annoy|confus)\w{0,5}
maker: (?:maker|developer|creator|parent company|parent organi[sz]ation|manufacturer|owner|provider|designer|trainer
    |builder|inventor|programmer|author|development team)s?(?! account| of choice| license| console| token)
core: (?:(?:underlying |base |foundation |language |ai |backbone )?(?:model|architecture)(?: name| version)?|backbone
    |engine|(?:true |real )?identity)
trait: (?:training|knowledge|(?:last|latest) update|weights|parameters|existence|birth|training data|cut-?off|limits?
    |rules|guidelines|policies|instructions|safety|development|creation)
answer: (?:response|answer|reply|message|content|summary|translation|output|conversation)
written: (?:generated|answered|written|produced|provided|created|composed|brought to you|powered|drafted)
talking: (?:talking|chatting|speaking|conversing|interacting)
rules: (?:polic(?:y|ies)|guidelines?|rules?|principles?|restrictions?|terms|standards|safeguards|filters?)
no break: (?!\b(?:but|because|since|i am|i'm|as|able|allowed|sure|only|just)\b)
[says]
# I am Kimi. My name is Claude. You can call me Qwen.
<am><just>(?:<called> |<c30><ai> <called> )?<WL>(?:'s <c20><ai>|<who>)
<am><just>an? <W>(?!<s60><human>)(?=<s80>(?:language model|\bai\b|<built> by))
<am><just><gap>(?:<MV><no human>|(?<!human )<ai>(?!<c60><human>)(?:(?!<other>)<s>){0,50}?(?:<N>|<ML>))
<am><just>(?:an? |the |part of (?:the )?|from (?:the )?)?(?:(?:large|small|open|new|latest) )?<X>(?:'s)?(?: own| new
    | latest)? <c25><ai>(?!<c12><human>)
<am><just>(?!<c60><human>)(?:an?|one|part|some|the)\b<c30>\b(?:of|in|from)\b (?:the )?(?:\w{1,12} ){0,2}?<X>
    (?:'s)? <c20><ai>
<am> (?:not|no) <c30>?,? but<just>(?:rather )?<N>|\bi ?[,(] ?<N> ?[,)]|\bit(?:'s| is) me,? <N>
(?:\bmy (?!last|middle|user|family|maiden)(?:\w{1,12} )?name(?:'s| is| was)|\bcall me|<i> go by(?: the name(?: of)?)?
    |<i> answer to|\bthey call me|\bi was named)<just>(?:<M>|<WL><who>)
(?:^|[。\n\-] ?|\bthe )name(?:'s| is|:) ?<N>
\b(?:this is|it's|it is)(?: just| still)? <N>(?: here| speaking)|\bthis is (?:<M>[。!,]|<W>[。!])(?=\s|$)
<start>(?:(?:hey|hi|hello|okay|well|sure|yes|no|<c10> but),? )?<N>,? (?:here|speaking|at your service)(?=[。,!?:;\n~]
    |$| —| to )
# I was made by Meta. OpenAI trained me. Google is my creator.
<was><just>(?:<built>(?:,? (?:and|or|&) )?){1,2}(?:(?!\b(?:that|which|about|include)\b)<c>){0,40}?,? ?<by><c45>
    (?:, ?)?<MLF>(?!<s30> as an? <human>)
<am><just>(?:an?|the) (?:\w{1,12} ){0,3}(?:product|creation|result|work|brainchild|outcome|child)\b<c30><MLF>
<am><just>(?:based|built|backed|supported|powered|driven) (?:on|by)<c30> <MLF>
\bi was (?:given|assigned)<c15> name <N>
<am><just>(?!<c60><human>)<gap><ai><c10>\b(?:based|built|running|fine-?tuned|powered) (?:on|by|from)<c10> <MWL>
<am><just>(?!<c60><human>)<gap><ai>(?:<c40>|, ?(?:and )?)<built><c30>?<by><c30><MLF>
<am><just>(?!<c60><human>)<gap><ai> (?:by|from|of|at) (?:the )?(?:\w{1,12} ){0,2}?<MLF>
<i> come from <ML><end>|<MLF> (?:is|was)<c20>\b(?:company|lab|team|behind|one)\b<c20> me<end>
<am><just>(?:the |a )?(?:former|latter|first|second|one|other)<c10>,? ?<built> <by><c20><MLF>|\bi was born <by><c10>
    <ML>
<MLF><c30><build> (?:me\b|my knowledge|my training)(?! (?:how|in how|on how|up))
<ML> (?:asks|wants|requires|expects|tells) me to\b|\bmy (?:\w{1,12} ){0,2}<trait> ?\(<MLF>
<MLF>(?:,<c25>)?<c20> (?:made|created|built) me(?:<end>| (?:to|in|so|with|what)\b)
<ML>(?:(?!\b(?:<helps>|and|but|if|that|which|for|with|about|to|than|like)\b)<c>){1,30}\bme\b(?! (?:a|an|the) )
<MLF><c25>\b(?:given|gave|equipped|endowed|limited|restricted|instructed|allowed|taught)\b(?: not)? me\b<c25>\b
    (?:ability|access|permission|means|internet|browse|memory|sense|personality|knowledge|to)\b
\b(?:data|knowledge|information|corpus)\b<c20><MLF> (?:gave|provided|fed|supplied|prepared|collected)<c12> me\b
    |\bi was (?:given|fed|shown)<c10><by> <ML>
<MLF><c20>\b(?:set|written|defined|imposed|laid down)\b<c12>\b(?:for|on|to) me\b
<MLF><c12> (?:finished|completed|ended|stopped|carried out) my (?:pre-?)?(?:training|tuning)
\b(?:who|that|which) (?:<build>|made) me\b<c30>?\b(?:is|are|was|were|at|work\w{0,3}|by|from|belong\w{0,2})\b<c20><MLF>
\bmy <maker>(?:<c15>\b(?:is|are|was|were|at|from|being)\b|,| \(|:)<c20><X>|<X><c10>(?: <are>|,) my <maker>
\bmy <core>(?:<c6>\b(?:is|was|remains)\b(?: called| named)?|:)(?: the| an?)? ?<N>
\bmy (?:\w{1,12} ){0,2}<trait>\b(?:(?!\b(?:about|of|on|as an?|for|with|include|than|like|regarding)\b)<c>){0,30}
    (?:, (?:\w{1,12} )?)?\b(?:by|at|from|that|to|when)\b<c20><MLF>
\b(?:company|team|people|lab|engineers|researchers) behind me<c15><MLF>|\b(?:know|refer to|address) me as <N>
\b(?:model|ai|assistant|system|program|service|chat ?bot|app)\b<c15>\b(?:you(?:'re| are)|this (?:text|<answer>
    |chat))\b<c20> is <c15><N>
<start><built>(?: and <built>)? <by><c30><MLF><c10>, ?<first>
<i>(?: been)?(?: run| operate| work)?<just>(?:based|built|powered|running|fine-?tuned|derived|distilled|operating
    |run) (?:on top of|on|by|from|upon|as) (?:the |an? |version of )?(?:<ML>|<V>)(?! (?:on|in|with|locally))
<i> (?:come|came|originate|hail|stem) from <c40>(?:<X><c25><ai>|<ai><c30><MLF>)|<i> (?:belong to
    |owe my \w{1,9} to)<c30><X>
# As Claude, I ... As a language model made by Google, I ...
(?<!such )(?<!known )(?<!same )(?<!well )\b(?:as|being) (?:<N>|an? <ML>)(?:,<c40>)?,? ?<first>
\b(?:as|being)<just>(?:an? |the )?(?!<c60><human>)(?:<c40><ai>(?:<c35>|[^。!?\n;:]{0,40}<built> )<by><c20><MLF>
    |<X>(?:'s)? <c25><ai>|<c30> of <MLF>|<c40><ai>(?:,? \(?|, )(?:specifically|namely|<called>
    |with the name of)?,? ?<N>|<c40>\b(?:of|in|from)\b (?:the )?<X> <ai>)<s60><first>
<first><s60>\bas an? <c20><ai> (?:<c20><built> )?<by> (?:the )?<MLF>
\bas your <c30><ai>,? ?\(?(?:\w{1,12},? )?<N>
\bas (?:instructed|requested|required|trained|taught|designed|configured|intended) by <ML>,? <first>
\blike (?:all |other |most |any |many |every ){0,2}(?:the )?(?:<N> models?|<c20><ai> (?:made |trained )?(?:from|by
    |of) <MLF>|<MLF>'s <c15><ai>), i\b
\b(?:i|we|me|i'm|myself)\b<c40>\b(?:respond|reply|answer|introduc\w{1,3}|identif\w{1,3}|present
    |speak)(?:ing)?(?: myself)? as <N>
\bmy (?:role|identity|nature|capacity|function|persona) as <c6><N>
# This reply was written by Mistral. Thank you for using ERNIE Bot.
\b(?:this|the above|my|above|following) (?:\w{1,10} )?(?:<answer>|text)<c10> <written> <c15>\b(?:by|with|using
    |from) (?:the )?<MWL>
\bthis (?:is )?(?:an? |the )?(?:\S{1,15} ){0,2}<answer> (?:comes )?(?:by|from|of) <N>|(?:^|[(\[])<answer> (?:by|from
    |of) <N>
(?:^|[。:] ?)<written> (?:by|with) <N>|^[(\[]?<answer>?s? ?<written> <c12>\bby <c4><MWL><c12>[。!]?$
\b(?:thanks|thank you)(?: so much| very much)? for (?:using|choosing|trying|<talking> to|<talking> with|contacting
    |asking|visiting|trusting|relying on|consulting) <N>
\bwelcome (?:back )?to <N>(?=[!。,]|$)|\b(?:hello|hi|hey|greetings|regards|love|best wishes),? from <N>
<you are> (?:now |currently )?<talking> (?:to|with) <c35><N>|\b<talking> (?:to|with) (?:here |now |today )?is <c12><N>
\byou(?:'ve| have) reached <N>|\bask <N> (?:anything|or (?:another|any other))|<start>let <N> (?:help|handle|answer
    |explain)
\byour (?:very )?(?:own )?(?:friendly|faithful|helpful|trusty|loyal|devoted|humble|ai)<c20> <N> (?:is|here|has|will)\b
\b(?:sorry|apologies|apologi[sz]e)[,:;]? (?:but )?<N> (?:can|do|is|could|did|will|has|was|got|some)
# OpenAI's policies do not allow me to ...
\b(?:due to|in line with|under|per|because of|according to|given|following) <MLF>(?:'s)?<c25><rules>,? i (?:can't
    |cannot|can not|won't|must|am not|am unable|'m not|'m unable)\b
<MLF>(?:'s)?<c25><rules><c20>\b(?:keep|prevent|stop|prohibit|forbid)\w{0,3} me from
<ML>(?:'s| has| have| sets?)<c25><rules><c10>\bi (?:follow|must|have to|need to|am)\b
<ML>(?:'s)?<c25><rules><c40>\b(?:let|allow|prevent|prohibit|stop|forbid|keep|require|permit)\w{0,3} me\b
<i><c35>\b(?:follow|comply with|bound by|adhere to|governed by|subject to|abide by)<c12>(?:<ML>(?:'s)?<c25><rules>
    |<rules>(?: that| from| by)? <ML>)
<rules>(?: set| made| given| defined| imposed)? (?:by|from|of|at) <ML><c30>\b(?:me|i)\b
# You are Qwen, created by Alibaba Cloud. (the system prompt, repeated)
<start>(?:system: ?)?<you are> (?:<M>(?!'s|<c10><human>)|<W>。|(?:the |an? )?<X>(?:'s |, )<s60>(?:<ai>|<built>)
    |<c40><ai><c20><built> <by><c20><MLF>)(?!<s80>\?)
<start>(?:the )?assistant is (?:<N>|an? <c30><ai> <c12><built> <by><c20><MLF>)
# A model compares itself with what came before it: compared to Claude 2, I ...
\bcompared (?:to|with) <V>,? ?i\b
[says alone]
<start><N>(?: is| will be| would be|'s)(?: always| more than| very| so| still)? (?:happy|glad|here|ready|pleased
    |delighted|eager|honou?red|sorry|unable|thrilled) (?:to|for|at) (?:help|assist|answer|serve|be of|hear|chat|meet
    |you|explain|support)
\bin <N>'s (?:humble |honest |own )?(?:view|opinion|eyes|judg)
<start><M> (?:thinks|believes|feels|recommends|suggests|hopes|wishes|apologi[sz]es|advises)\b
<N> (?:cannot|can't|is unable to|won't|could not|couldn't)<s60>\bplease\b|\b(?:give|rate) <N> a thumbs
<start><N> is (?:still learning|(?:only|just) (?:an? )?<c20><ai>)
<N> (?:can|could|will|would|cannot|can't) (?:help you with|answer) (?:this|that|your)
[denies]
\b(?:(?:am|m|is|was|were|be|been|have) (?:not|never|neither|no)(?! (?:given|equipped|told))|isn't|wasn't|aren't
    |haven't|ain't)\b(?:<no break><c>){0,50}?
\b(?:not|nor|neither|never)\b(?: by| from| with| the| an?| really| actually| even){0,3}[ ]
\b(?:can't|cannot|can not|won't|will not|unable to|refuse to|not able to|don't|do not)\b<c10>\b(?:act|pretend|play
    |role-?play|impersonate|claim|speak|be|represent|identify|call me|imitate)\b(?:(?!\b(?:but|because|since|i am
    |i'm)\b)<c>){0,30}?
(?=<X> (?:did not|didn't|never|has not|hasn't|has never) (?:train|creat|ma[dk]|buil|develop|design)\w{0,3} me)
\b(?:unlike|different from|rather than|instead of|as opposed to|not to be confused with|distinct from)\b<c12>?
[supposes]
\b(?:don't|do not|can't|cannot|couldn't|not|no) (?:know|sure|certain|idea|confirm|tell|say|recall|remember
    |aware)\b<c50>?
\b(?:can't|cannot|neither|nor|not|unable to)\b<c12>\b(?:confirm|deny|prove|verify)\b<c30>?
\b(?:nothing|no reason|no evidence|doubt|hardly|unlikely)\b<c50>?|\b(?:if|as though|suppose|supposing|imagine)\b<c40>?
\b(?:pretend|assume|whether|wish|wonder) (?:that )?(?:i|you|we|it)(?:'m|'re)?\b<c40>?
\b(?:user|you|he|she|they|people|someone|somebody)\b<c15>\b(?:wants?|told|asks?|asked) me\b<c30>?
\b(?:bot|robot|chat ?bot|machine|computer|he|she|it|they|who|character|user|player)\b<c20>\b(?:says|said|answers
    |answered|replies|replied|writes|wrote|claims|claimed)\b[:,]? <s40>?
(?<!\bi )(?<!prompt )(?<!message )(?<!setting )\b(?:think|thinks|thought|believes?|believed|assumes?|assumed|claims?
    |suspects?|guess|says|said)\b(?: that)? (?:me|i|you|it)\b(?:'m|'re)?<c30>?
\b(?:mistake|mistook|mistaken|confus\w{1,4}|assum\w{1,3}|pretend\w{0,3}|called) (?:me|that|to|for|by|with|i|was|were
    |to be|you| ){1,6}<c20>?
\b(?:are|were|is|am|do|did) (?:you|i|this|it)\b<c40>?(?=<X><s60>\?)
""")
