package inbound

import (
	"regexp"
	"strings"
)

// Reason is why a mail was refused.
type Reason string

// The reasons. What they say of the address is Reason.class.
const (
	UnknownUser   Reason = "unknown_user"
	UnknownHost   Reason = "unknown_host"
	TakesNoMail   Reason = "takes_no_mail" // the domain says so (RFC 7505), or has no server
	Moved         Reason = "moved"
	Disabled      Reason = "disabled"
	MailboxFull   Reason = "mailbox_full"
	TooBig        Reason = "too_big"
	Filtered      Reason = "filtered" // by the recipient, or their server for reasons of its own
	Expired       Reason = "expired"  // tried for days
	Network       Reason = "network"
	Throttled     Reason = "throttled"
	System        Reason = "system"  // the receiving system is out of order
	Program       Reason = "program" // the recipient's own, to which their mail goes
	Content       Reason = "content"
	Unclear       Reason = "unclear"
	Spam          Reason = "spam"
	Virus         Reason = "virus"
	Blocked       Reason = "blocked" // our server's address or name
	Unauthentic   Reason = "unauthentic"
	SenderRefused Reason = "sender_refused"
	Relaying      Reason = "relaying"
	PolicyRefused Reason = "policy"
)

// class is what a reason says about the address. A domain that has no server is
// refused for good only if the report says so.
func (r Reason) class(status string) Class {
	switch r {
	case UnknownUser, UnknownHost, Moved, TakesNoMail:
		if strings.HasPrefix(status, "4.") {
			return Soft
		}
		return Hard
	case Spam, Virus, Blocked, Unauthentic, SenderRefused, Relaying, PolicyRefused:
		return Policy
	}
	return Soft
}

// wording is a way to say a reason. They are tried in order: those that name a
// cause before those that a server says of every mail it refuses.
type wording struct {
	reason Reason
	in     *regexp.Regexp // of text in lower case, white space squeezed
}

func say(reason Reason, ways ...string) wording {
	return wording{reason, regexp.MustCompile(strings.Join(ways, "|"))}
}

var wordings = []wording{
	say(Program, `no such file or directory`, `local delivery (agent|failed)`, `couldn't create`, `procmail`, `(program|command|pipe).{0,30}(exit|status|fail|died|output|error)`),
	say(System, `queue file write error`),
	say(Network, `hop count`, `too many hops`, `mail loop`, `mail forwarding loop`, `loops back to`, `routing loop`),
	say(UnknownHost, `account or domain may not exist`, `domain is not reachable`),
	say(TakesNoMail, `null mx`),
	say(Network, `malformed or unexpected name server reply`),
	say(UnknownUser, `recipient address rejected: access denied`),
	say(SenderRefused, `(unroutable|unrouteable|unknown|invalid|bad|illegal|unverifiable) sender`, `sender (address )?(rejected|denied|verify failed)`, `google ?groups`, `@googlegroups\.com`),
	say(MailboxFull,
		`over ?(the )?(disk ?)?quota`, `quota.{0,20}(exceed|exhaust|full|violat|overdraw|reach)`, `(exceed|over|out of|insufficient|not enough|lack).{0,30}(quota|storage|disk space|mailbox (size|space)|allotted space)`,
		`(mail ?(box|dir|folder)|inbox|account|user|recipient).{0,50}(is|are|was|been|:|has)? ?(over ?)?(full|overfull|exhausted)\b`, `full mailbox`, `disk (is )?full`, `no space left`,
		`(mailbox|account|user).{0,40}(exceeded|over).{0,20}(limit|size|storage|quota)`, `overquota`, `mailbox.{0,40}(size|space|storage).{0,20}limit`,
		`メールボックス.{0,40}(いっぱい|満杯|容量|超過|空き)`, `容量.{0,20}(超|いっぱい|オーバー)`, `boite.{0,30}pleine`, `postfach.{0,20}voll`),
	say(TooBig,
		`(message|mail|size|header|attachment|content).{0,40}too (big|large|long)`, `(message|mail) ?size.{0,30}(exceed|limit|max)`, `exceed.{0,40}(message|mail|fixed|maximum|size|line).{0,20}(size|limit|length)`, `size limit`, `larger than the (current )?(system )?limit`),
	say(Unauthentic,
		`\bdmarc\b`, `\bspf\b`, `\bdkim\b`, `sender policy framework`, `unauthenticated`, `not (pass|accepted due to).{0,40}(authentication|policy of .*domain)`, `required authentication level`, `authentication (checks?|information|results?)`, `domain.{0,30}protected by`, `domainkeys`, `from domain .{0,60}authenticat`),
	say(Blocked,
		`\b(rev(erse)?|inverse|ptr|rdns)\b[ -]?.{0,30}(dns|lookup|record|host ?name|map|resolv|delegation)`, `\bptr\b`, `no reverse`, `(cannot|can't|could not|couldn't|fail).{0,20}(find|resolve|lookup).{0,30}(your|client) (hostname|reverse|host|ip)`, `(unable|fail).{0,30}resolve.{0,20}(your|client|sending)`,
		`dynamic(ally)?.{0,40}(ip|address|pool|range|client)`, `(generic|residential|dial-?up|dynamic)[ -](rdns|ip|host|hostname|client)`,
		`black ?-?list`, `block ?-?list`, `deny ?-?list`, `\brbl\b`, `\bdnsbl\b`, `spamhaus`, `spamcop`, `sorbs`, `barracudacentral`, `uceprotect`, `cloudmark`, `senderscore`, `senderbase`, `talosintelligence`, `\bbl\.`, `bad reputation`, `(low|poor|bad) .{0,20}reputation`, `reputation`,
		`(client|your|connecting|sending) (host|ip|ip address|mta|server|network|mail server)\b.{0,40}\b(is |has been |been |was )?(temporarily )?(blocked|banned|rejected|refused|denied|listed|not allowed|not permitted|not authori[sz]ed)`, `(block|ban|refus|reject|den)[a-z]*.{0,30}(your|this) (ip|host|server|network|connection|client|mta)`,
		`(connect(ion)?|mail|message|email|traffic)s? from.{0,80}(blocked|refused|rejected|denied|not accepted|not allowed|temporarily deferred)`, `(connection|access) (refused|denied|blocked|rejected|dropped) (by|from|due|-|for)`, `helo.{0,60}(reject|invalid|bogus|refused|mismatch|not allowed|denied)`, `(invalid|bad|bogus) helo`, `domain name in helo`, `client host .{0,80}(rejected|blocked)`,
		`\[(ts|tss|s3|irs|irsrt|s77719|ib\d+|bl\d+)`, `deferred due to (user complaints|unexpected volume)`, `is (currently )?(black)?listed (in|on|at|by)`, `not accept(ing)? (connections|mail from)`, `unfortunately, messages from`, `blocked using`, `your .{0,30}(has been|is|was) (blocked|banned|listed)`),
	say(Virus, `virus`, `malware`, `infected`, `\bworm\b`, `trojan`, `dangerous (attachment|extension)`),
	say(Spam,
		`\bspam\b`, `\bspam(my|iness|assassin| score|-like)`, `\bjunk\b`, `\bube\b`, `\buce\b`, `unsolicited`, `bulk (e-?)?mail`, `(looks|seems|identified|detected|classified|considered|flagged|scored|rated).{0,30}(as |like |to be )?(spam|bulk|junk)`, `hits=\d`, `scored? (too high|over|above)`, `advertis`, `phish`),
	say(Relaying,
		`relay(ing)?.{0,30}(denied|not|prohibit|reject|access|disallow|refus|forbid|operation)`, `(not|cannot|can't|won't|unable|no|denied).{0,20}relay`, `(open|insecure) .{0,10}relay`, `must authenticate`, `authentication (is )?required`, `not (a )?local (domain|host)`, `rcpthosts`, `not one of our (domains|customers)`),
	say(SenderRefused,
		`sender.{0,60}(reject|denied|refus|block|not allowed|invalid|unknown|does not exist|not accepted|verif|unverified|illegal|unacceptable|forbidden|banned)`, `(reject|den[iy]|refus|block|bad|invalid|illegal|unknown|forged)[a-z]* (\(?mail )?(the |your )?sender`, `return(-| )?path .{0,40}(reject|denied|refus|invalid)`, `mail from.{0,60}(reject|denied|refused|unknown|invalid|not allowed)`,
		`domain of sender address`, `sender('s)? (address |domain )?.{0,40}(does not resolve|not found|must (exist|resolve))`, `not (allowed|authori[sz]ed|permitted) to (send|post|use|mail)`, `you (do not|don't) have permission to post`, `permission to post`, `restricted.{0,30}(sender|list)`, `only (members|subscribers)`, `backscatter`, `message refused by .* (sender|from)`),
	say(Moved, `user (has )?moved`, `has moved`, `no longer (at|on|with|uses?)`, `new e-?mail address`, `address (has )?changed`, `please (try|use) <[^>]+@`, `replaced by`),
	say(Throttled, `too many (connections?|concurrent|sessions?|messages|mails?|recipients|emails|requests)`, `(rate|frequency|hourly|daily|per[- ]hour|connection)[- ]?.{0,20}(limit|exceed|throttl)`, `throttl`, `try again later.{0,30}(limit|rate)`, `sending (limit|rate|too)`, `(mail|message)s? (sent )?per (hour|day|minute|session)`),
	say(Disabled,
		`(account|mailbox|user|address|recipient|customer|e-?mail).{0,60}(disabled?|suspend|inactive|deactivated|discontinued|locked|frozen|closed|not active|terminated|expired|blocked|unavailable due|restricted|no longer (in use|active|valid))`, `(disabled|suspended|inactive|deactivated|closed|locked|frozen|expired|dormant) (account|mailbox|user|address|recipient|customer)`, `out of service`, `not (been )?activated`, `domain (is )?suspended`),
	say(UnknownUser,
		`(no such|unknown|invalid|bad|non-?existent|unrecogni[sz]ed|undeliverable|unrouteable|unroutable|incorrect|wrong) (.{0,20}[ -])?(user|recipient|mailbox|address|account|person|local|addressee|member|customer|destinat|id\b|alias|virtual|name|part)`,
		`(user|recipient|mailbox|mail ?box|address|account|addressee|person|name|customer|alias|destinat[a-z]+|member|inbox|e-?mail( account| address)?).{0,80}(\bunknown|not (be )?(found|exist|known|valid|recogni[sz]ed|listed|here|present|available here|registered|routable|defined|local)|does ?n[o']?t (exist|have)|do not exist|doesnt exist|is invalid|invalid|unrecogni[sz]ed|no longer (exist|accept|with)|isn't|is not a|nonexistent|couldn't be found|could not be found|wasn't found|was not found)`,
		`(user|recipient|mailbox|account|address) (unknown|not found|unavailable|invalid)`, `mailbox unavailable`, `not (a )?(valid|known|local|our) (user|recipient|mailbox|customer|address|account)`, `no valid recipients?`, `no (mailbox|mail-?box|account|user|recipient|local mailbox).{0,20}(here|by that name|named|exist|found|called|recipients?)?\b.{0,30}`, `doesn't have (a|an) .{0,60}account`, `(isn't|is not|not) (in|listed in|found in).{0,30}(table|directory|list|domino|address book|database)`, `not our customer`, `recipname`, `recipnotfound`, `resolver\.adr\.`, `unable to find (the )?(recipient|user|alias)`, `invalid recipients?`, `nobody (here|by that)`, `user .{0,60} does not exist`, `typos?\b`, `misspell`, `utilisateur inconnu`, `adresse .{0,30}(inconnu|invalide)`, `(empf|empfa|empfä)nger.{0,40}(unbekannt|existiert)`, `desconocid`, `пользовател.{0,40}не (найден|существ)`, `(宛先|あて先|受信者|ユーザ).{0,40}(ありません|存在し|見つかり|不明)`),
	say(UnknownHost,
		`host (name )?(unknown|not found|lookup|name lookup)`, `unknown (host|domain)`, `(host|domain|server|name).{0,60}(not found|unknown|does ?n[o']?t exist|no such|could not be (found|resolved)|cannot be found|not resolve|nxdomain|not exist|invalid)`, `no such (host|domain)`, `nxdomain`, `dns (error|lookup).{0,40}(not found|no such|non-?existent)`, `all relevant mx records point to non-existent`, `unrouteable (mail )?domain`, `can.?t find (any )?(host|domain)`, `domain.{0,40}(misspelled|typo)`, `unable to (find|resolve|look ?up).{0,30}(host|domain|mx)`, `bad destination (system|host|mailbox)`),
	say(TakesNoMail, `null mx`, `(does not|doesn't|do not|not|never).{0,20}(accept|receive|take)s? (any )?(mail|e-?mail|smtp)`, `no mx`, `mx .{0,40}(0\.0\.0\.0|127\.0\.0\.1|localhost)`, `no mail (server|exchanger|service)s?`, `(smtp|mail) service (is )?not available`, `name server.{0,30}(loops back|no data)`),
	say(PolicyRefused,
		`polic(y|ies)`, `prohibit`, `forbidden`, `not (permitted|allowed|compliant)`, `security`, `access denied`, `permission denied`, `rejected by (content|header|body|rule)`, `violat`, `rfc ?(822|2822|5322|821|2821|5321|compliant|1123)`, `\b(tls|starttls|ssl|encryption)\b`, `administrative(ly)? prohib`, `administrator`, `unsolicit`, `suspicious`, `abus`, `url .{0,20}(reject|block)`, `denied`, `mimecast`, `messagelabs`, `bounce address tag`),
	say(Expired, `(could|can) not be delivered (for|within|after|in) .{0,30}(day|hour|minute)`, `retry (time|timeout)`, `time-?out|timed out`, `expired`, `undeliverable for`, `too (long|old)`, `(queue|delivery).{0,30}(time|lifetime)`, `still being retried`, `not.{0,20}deliver.{0,60}(day|hour)s?`, `given up`, `delivery incomplete`, `delivery attempts`, `message (is )?too old`, `been in the queue`, `temporary (problem|failure)`),
	say(Network, `(connection|connect|network|host|route|routing|mail) .{0,40}(refused|reset|lost|failed|unreachable|dropped|closed|loop|down|aborted)`, `too many hops`, `loop(s|ing)? (detected|back)`, `loops? back`, `hop count`, `no route`, `unreachable`, `couldn't (find any host|connect|establish)`, `\bdns\b`, `name ?server`, `could not connect`, `unable to connect`, `temporarily unable`),
	say(Content, `(content|header|mime|attachment|format|charset|line|encod).{0,60}(reject|invalid|bad|error|refus|denied|missing|not|bare|malform|illegal)`, `(missing|invalid|malformed|duplicate|bad|multiple) .{0,20}(header|mime|from|date|to|subject|message-id)`, `bare (lf|cr)`),
	say(System, `system (error|failure|resources|problem|config|not)`, `(local|internal|server|processing|configuration|mailer|software|program|command|database|ldap|io|i/o|disk).{0,30}(error|fail|problem|down|crash|died)`, `service (currently )?unavailable`, `temporarily unavailable`, `try again later`, `unexpected`, `out of memory`, `mailer`, `exit status`, `config`),
	say(Filtered, `filter`, `reject`, `refus`, `recipient .{0,60}(only|accept)`, `not accept`, `user reject`),
}

// byStatus is what statuses mean (RFC 3463, 5248 and later, and the IANA's
// register) where the words say nothing. A status of 4 means the same for now.
var byStatus = map[string]Reason{
	"1.1": UnknownUser, "1.2": UnknownHost, "1.3": UnknownUser, "1.4": UnknownUser, "1.6": Moved, "1.10": TakesNoMail, "1.0": UnknownUser,
	"1.7": SenderRefused, "1.8": SenderRefused,
	"2.0": Filtered, "2.1": Disabled, "2.2": MailboxFull, "2.3": TooBig, "2.4": System,
	"3.0": System, "3.1": MailboxFull, "3.2": System, "3.3": System, "3.4": TooBig, "3.5": System,
	"4.0": Network, "4.1": Expired, "4.2": Expired, "4.3": System, "4.4": UnknownHost, "4.5": Throttled, "4.6": Network, "4.7": Expired,
	"5.3": Throttled, "6.0": Content, "6.1": Content, "6.2": Content, "6.3": Content, "6.6": Content, "6.7": Content,
	"7.13": Disabled, "7.17": UnknownUser, "7.18": UnknownHost,
	"7.23": Unauthentic, "7.20": Unauthentic, "7.21": Unauthentic, "7.22": Unauthentic, "7.24": Unauthentic, "7.26": Unauthentic,
	"7.25": Blocked, "7.27": SenderRefused, "7.28": Throttled, "7.515": Unauthentic, "7.509": Unauthentic,
}

// reasonOf finds the reason in a refusal: by the status where that is sharp, by
// the words, by the rest of the statuses.
func reasonOf(status, said string) Reason {
	text := strings.ToLower(squeeze(said))
	number := ""
	if len(status) > 2 {
		number = status[2:]
	}
	switch number {
	case "1.7", "1.8", "2.2", "7.26", "7.25", "1.10", "3.4", "7.13", "1.6", "7.515", "7.509":
		return byStatus[number]
	}
	found := Unclear
	for _, w := range wordings {
		if w.in.MatchString(text) {
			found = w.reason
			break
		}
	}
	switch found {
	case Unclear, Filtered, Content, System:
	default:
		return found
	}
	// What the words leave open, the status says.
	if r, ok := byStatus[number]; ok {
		return r
	}
	if strings.HasPrefix(number, "7.") {
		return PolicyRefused
	}
	return found
}
