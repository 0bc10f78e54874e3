package grade

import (
	"regexp"
	"strings"
	"sync"
)

// agentKind is what a user agent tells of itself.
type agentKind int

const (
	agentPerson agentKind = iota // a browser, a mail program or an app
	agentProxy
	agentPrefetch
	agentRobot
)

// maxAgent bounds what is read of a user agent.
const maxAgent = 1024

var (
	proxies = []struct {
		in   *regexp.Regexp
		name string
	}{
		{regexp.MustCompile(`googleimageproxy|ggpht\.com`), "Google's image proxy"},
		{regexp.MustCompile(`yahoomailproxy|yahoocachesystem`), "Yahoo's image proxy"},
		{regexp.MustCompile(`^mozilla/5\.0$`), "Apple's mail privacy protection"},
		{regexp.MustCompile(`(image|mail|picture|photo|img|media)[ _-]?(cache)?[ _-]?proxy|proxy[ _-]?(image|img)`), "a mail provider's image proxy"},
	}
	// What Gmail's web page loads ahead with, while its user is elsewhere.
	gmailAhead = regexp.MustCompile(`chrome/42\.0\.2311\.135 safari/537\.36 edge/12\.246`)

	// mailPrograms are read before anything else: some speak by a library for HTTP.
	mailPrograms = match(`thunderbird|canary/|monazilla|jane ?(style|view)|bathyscaphe|sparrow/|zdesktop|raindrop\.io|missive|frontapp|shortwave|spike/|touchdown|airsync|onenote|obsidian|todoist|\b[a-z]{0,12}mail(app|mobile|bar|box|master|news|er|client)?[ /][v\d]|outlook|ms ?outlook|windows live mail|windowsmail|mailspring|postbox|airmail|mailmate|foxmail|the bat!|em ?client|claws ?mail|sylpheed|evolution/|kmail|kontact|trojita|balsa|geary|mutt/|alpine/|\bpine/|wanderlust|mew/|gnus/|squirrelmail|roundcube|horde|incredimail|eudora|pegasus|lotus[ -]?notes|notes/|becky!|k-9|fairemail|aqua ?mail|bluemail|spark/|sparkdesktop|newton|canary mail|polymail|protonmail|tutanota|zimbra|barca|seamonkey|iceape|spicebird|davdroid|davx5|caldav|carddav|evernote|notion/|rambox|franz/|mailbird|superhuman|daummail|navermail|naver\(|yahoo ?mail[ab/ ]|yahoomobilemail|gmail/|googlemail/|mailru|mymail|ymail|iphone mail|apple-?mail|macoutlook|entourage|mail/\d|mailapp|mobilemail|mailcatcher|mimestream|inky|unibox|nylas|hexamail|poco(mail)?|gnumail|i\.scribe|inscribe|marspop|cmail|vivaldi mail|onecalendar|basecamp|hiri|akonadi|gyazmail|nine/|typeapp|mailmobile|^mail |[a-z]mail[ /]\d|turnpike|ximian|xmail|android-mail|samsung ?email|com\.android\.email|exchangewebservices|exchangeservices|activesync|android-?(eas|sams)`)
	// surelyRobot are words that no mail program has beside its name.
	surelyRobot = match(`bot\b|bot/|e-?mail ?(siphon|wolf|collect|extract|harvest|hunter|find|verif|valid)|mail(chimp|gun|shake|trap)|sendmail|crawl|spider|\+http|^mozilla/5\.0 \([^;() ]+@[^() ]+\)$`)
	// saysRobot are words of which one is enough.
	saysRobot = match(`bot\b|bots?[/_\-;:+.,) \d]|robot|crawl|spider|slurp|screenshot|snapshot|synthetic|insights|web services|web preview|favicon|translate|speed|load ?impact|mutant|wkhtml|prerender|render|agentic|gptbot|chatgpt|claude|anthropic|perplexity|openai|scrap|fetch|scanner|\bscan|checker|\bcheck|monitor|preview|validat|archiv|index(er|ing)|search(?:engine|bot| engine)|analy[zs]er|analytics|inspect|grabber|download|feed|reader/|\brss|\batom|syndicat|harvest|extract|collector|probe|ping|uptime|watch(dog|er|mouse)|survey|sniff|detect|discover|verif|survey|security|headless|phantomjs|puppeteer|playwright|selenium|webdriver|lighthouse|ptst/|jsdom|htmlunit|zombie|casper|slimer|nightmare|googleother|google-|mediapartners|adsbot|apis-google|appengine|cloudflare|facebookexternal|facebookcatalog|meta-external|whatsapp|telegram|skypeuri|slack|discordbot|discordapp|twitterbot|pinterestbot|pinterest\.com|linkedin|embed|unfurl|iframely|oembed|wordpress|drupal|joomla|magento|phpbb|typo3|webhook|callback|cron\b|agent/|client/|library|httpclient|http-client|http_client|httpunit|\bhttp[/_]|\blib[a-z-]*/|libwww|lwp[:-]|lwp/|curl|wget|python|urllib|aiohttp|httpx|requests|scrapy|java/|java-|^java|okhttp|jakarta|apache-|jetty|netty|reactor|go-http|golang|gorilla|ruby|faraday|rest-client|typhoeus|mechanize|guzzle|php|symfony|node|axios|\bgot |undici|superagent|deno|dart|perl|winhttp|wininet|dotnet|\.net core|restsharp|postman|insomnia|httpie|powershell|nutch|heritrix|larbin|webzip|httrack|teleport|offline|webcopier|sitesucker|mirror|sitemap|seo|backlink|rank|audit|test|nmap|nikto|sqlmap|nessus|qualys|acunetix|zgrab|masscan|censys|shodan|expanse|openvas|burp|wpscan|jndi:|oast\.|virustotal|barracuda|proofpoint|mimecast|trendmicro|sophos|symantec|mcafee|kaspersky|fortinet|zscaler|paloalto|ironport|safelinks|urldefense|phish|malware|spam`)
	// saysURL: programs that crawl say where to complain.
	saysURL = match(`https?:|www\.|\+http|[a-z0-9._-]+ ?(@|\(at\)|\[at\]) ?[a-z0-9-]+\.[a-z]|\b[a-z0-9-]+\.(com|net|org|io|de|ru|fr|co|jp|cz|info|eu|ai|dev|app|uk|it|nl|pl|br|cn)\b`)
	// compatible comments name what is no browser.
	compatible = regexp.MustCompile(`compatible[;,] ?([^;)]*)`)
	asBrowser  = regexp.MustCompile(`^\s*(msie|konqueror|ibrowse|icab|opera|gecko|u$|u;|windows|linux|mac|x11|webtv|netscape|yplus|aol|abrowse|galaxy|omniweb|voyager|teleca|series|ms ?frontpage|netbsd|win|blackberry|nokia|msn|america|crazy|avant|ip(hone|ad)|android|samsung)`)
	// engine is what all browsers since the nineties name.
	engine  = match(`applewebkit|gecko|trident|msie|presto|khtml|webkit|netscape|opera|firefox|chrome|safari|servo|goanna|netfront|blackberry|nokia|cfnetwork|dalvik|version/`)
	classic = regexp.MustCompile(`^(mozilla/|opera[/ ])`)
	stack   = regexp.MustCompile(`cfnetwork|dalvik`)
	// others are browsers and phones that do not call themselves Mozilla.
	others = match(`cfnetwork|dalvik|up\.browser|midp|cldc|netfront|obigo|teleca|opera mini|ucweb|ucbrowser|uc ?browser|uc%20browser|hbbtv|blackberry|^(nokia|samsung|sonyericsson|lg[-/e]|mot-|docomo|kddi|j-phone|vodafone|softbank|sharp|sie-|zte|huawei|alcatel|benq|panasonic|philips|sagem|sec-|htc|palm|lynx|links|elinks|w3m|dillo|netsurf|icab|hotjava|ncsa|amiga|ibrowse|aweb|cyberdog|omniweb|konqueror|galeon|epiphany|uzbl|surf/|midori|iphone|ipad|ios/|android|doris|emacs|retawq|edbrowse|bunjalloo|nitro|playstation|nintendo|xbox|wii|msie|internet explorer|microsoft internet explorer|netpositive|oregano|voyager|arora|sraf|espial|ekioh|maui|j2me|bolt|skyfire|jasmine|polaris|dolphin|roku|appletv|tizen|webos)`)
)

// seen remembers what user agents are: the same few thousand come again and again,
// and reading one takes a hundred times as long as looking it up.
var seen struct {
	sync.RWMutex
	of map[string]agent
}

type agent struct {
	kind agentKind
	name string
}

// maxSeen bounds what is remembered; then it is forgotten all at once.
const maxSeen = 4096

// agentOf is what a user agent is, and by what.
func agentOf(ua string) (agentKind, string) {
	if len(ua) > maxAgent {
		ua = ua[:maxAgent]
	}
	seen.RLock()
	a, ok := seen.of[ua]
	seen.RUnlock()
	if !ok {
		a.kind, a.name = readAgent(ua)
		seen.Lock()
		if seen.of == nil || len(seen.of) >= maxSeen {
			seen.of = map[string]agent{}
		}
		seen.of[strings.Clone(ua)] = a
		seen.Unlock()
	}
	return a.kind, a.name
}

func readAgent(ua string) (agentKind, string) {
	agent := strings.ToLower(strings.TrimSpace(ua))
	if agent == "" || agent == "-" {
		return agentRobot, "none"
	}
	for _, p := range proxies {
		if p.in.MatchString(agent) {
			return agentProxy, p.name
		}
	}
	if gmailAhead.MatchString(agent) {
		return agentPrefetch, "Gmail, ahead of its reader"
	}
	if mailPrograms.in(agent) && !surelyRobot.in(agent) {
		return agentPerson, "a mail program"
	}
	return browserOrRobot(agent)
}

func browserOrRobot(agent string) (agentKind, string) {
	if found := saysRobot.find(withoutPhones(agent)); found != "" {
		return agentRobot, "says " + strings.TrimSpace(found)
	}
	if saysURL.in(agent) {
		return agentRobot, "gives an address to turn to"
	}
	for _, c := range compatible.FindAllStringSubmatch(agent, 4) {
		if !asBrowser.MatchString(c[1]) {
			return agentRobot, "is compatible, and no browser"
		}
	}
	switch {
	case classic.MatchString(agent) && engine.in(agent):
	case stack.MatchString(agent) && !classic.MatchString(agent):
		// An app of a phone that asks by the system's own library, and shows no page.
		if name := productName.FindStringSubmatch(agent); name == nil || !browsers[name[1]] && !branded(name[1]) && !strings.Contains(name[1], "app") {
			return agentPrefetch, "an app without a browser"
		}
	case others.in(agent):
	default:
		return agentRobot, "names no browser"
	}
	if name := foreign(agent); name != "" && classic.MatchString(agent) {
		return agentRobot, "names " + name
	}
	return agentPerson, "a browser"
}

// phones are models whose names hold a word of saysRobot.
var phones = regexp.MustCompile(`cubot|\bandroid [^;)]*; [^;)]*test[^;)]*build`)

func withoutPhones(agent string) string {
	if strings.Contains(agent, "cubot") || strings.Contains(agent, "test") {
		return phones.ReplaceAllString(agent, "")
	}
	return agent
}
