package grade

import (
	_ "embed"
	"regexp"
	"strings"
)

//go:embed browsers.txt
var browsersFile string

// browsers are the names known from people's programs.
var browsers = parseNames(browsersFile)

func parseNames(file string) map[string]bool {
	out := map[string]bool{}
	for line := range strings.SplitSeq(file, "\n") {
		if strings.HasPrefix(line, "#") {
			continue
		}
		for _, name := range strings.Fields(line) {
			out[name] = true
		}
	}
	return out
}

var (
	productName = regexp.MustCompile(`^[\[("']*([^/\s\[\]():;,"']+)`)
	numeric     = regexp.MustCompile(`^v?[\d._+-]+[a-z]{0,4}\d*$|^[a-z]{2}([-_][a-z]{2,4})?$|^[0-9a-f]{12,}$`)
	// What the comment of a desktop's browser is made of.
	desktop     = regexp.MustCompile(`windows nt|macintosh|x11|windows 9|win(95|98)`)
	desktopWord = regexp.MustCompile(`^(windows( nt)?( [\d.]+)?|win ?(9x|98|95|nt).*|win(64|32)|wow64|x64|x86|x86_64|x11|macintosh|u|n|i|sv1|touch|tablet pc.*|arm|arm64|wayland|compatible|khtml.*|like gecko|` +
		`(intel|ppc) ?mac os x.*|intel +mac os x.*|mac os x.*|mac_powerpc|ppc|linux( .*)?|gnu/linux.*|ubuntu.*|fedora.*|debian.*|cros .*|(free|open|net)bsd.*|sunos.*|dragonfly.*|solaris.*|aix.*|irix.*|hp-ux.*|os/2.*|beos.*|haiku.*|` +
		`rv ?:.*|msie .*|trident/.*|gecko.*|\.net.*|slcc\d|media center pc.*|infopath.*|zune.*|ms-rtc.*|masmjs|mdd\w*|mal\w*|mat\w*|mas\w*|maar\w*|maau\w*|magw\w*|asu\w*|lcjb|lcte|tmstmpext|gtb.*|webview/.*|wv|iemobile.*|` +
		`microsoft (outlook|powerpoint|word|excel|windows).*|office.*|ms-?office.*|aol .*|america online.*|lunascape.*|avant browser.*|crazy browser.*|maxthon.*|tencenttraveler.*|360se|qqbrowser.*|metasr.*|se \d.*|funwebproducts.*|alexa toolbar.*|nokia.*|lumia.*|xbox.*|quest.*|seewoos.*|tob|kb\d+|i\d86|amd64|[a-z]{2}([-_][a-z]{2,4})?|[\d.]+|wbx.*|build.*|pro|mobile|deepin.*|fpr\d*|ie\d.*|https?|)$`)
)

// handheld: what phones, televisions and their apps add to their names is without
// number, so only desktops are held to the names that are known.
var handheld = match(`android|iphone|ipad|ipod|mobile|symbian|windows phone|smart-?tv|smarthub|web0s|webos|hbbtv|bada|tizen|nokia|blackberry|playstation|nintendo|stb|ce-html|tablet|netcast`)

// foreign finds a name in a browser's user agent that no browser of people's is known
// to bear; empty: there is none. Programs that drive a browser put their own name
// behind its, into the comment about the machine, or beside "like Gecko".
func foreign(agent string) string {
	outside, comments := split(agent)
	if !handheld.in(agent) {
		for _, word := range strings.Fields(outside) {
			found := productName.FindStringSubmatch(word)
			if found == nil || numeric.MatchString(found[1]) || len(found[1]) < 3 {
				continue
			}
			if name := strings.TrimRight(found[1], ".-_+"); !browsers[name] && !branded(name) {
				return name
			}
		}
		if strings.Contains(outside, "chrome/") && !strings.Contains(outside, "safari/") {
			return "chrome without safari"
		}
	}
	if words := strings.Fields(outside); len(words) > 3 && strings.Contains(words[len(words)-2], "safari/") {
		// A bare name at the very end is not a phone's, nor an app's.
		if last := words[len(words)-1]; bareName.MatchString(last) && !browsers[last] && !branded(last) {
			return last
		}
	}
	for _, c := range comments {
		if name := foreignIn(c); name != "" {
			return name
		}
	}
	return ""
}

// foreignIn looks into a comment.
func foreignIn(c string) string {
	known := desktopWord
	switch {
	case strings.HasPrefix(c, "khtml"):
		known = likeGecko
	case desktop.MatchString(c) && !strings.Contains(c, "android"):
	case strings.Contains(c, "android") || strings.Contains(c, "iphone") || strings.Contains(c, "ipad"):
		known = phoneWord
	default:
		return ""
	}
	for _, piece := range strings.FieldsFunc(c, func(r rune) bool { return r == ';' || r == ',' }) {
		if piece = strings.TrimSpace(piece); !known.MatchString(piece) {
			return piece
		}
	}
	return ""
}

var (
	bareName  = regexp.MustCompile(`^[a-z][a-z-]{3,}$`)
	likeGecko = regexp.MustCompile(`^(khtml([ /]?[\d.]+)?( like gecko)?|like gecko|gecko|safari/.*|)$`)
	// Of phones' comments only what has the form of a product's name is looked at.
	phoneWord = regexp.MustCompile(`^[^/]*$|build|release/|^(samsung|nokia|lg|lge|sonyericsson|htc|mot|zte|huawei|sec|gt|sm)[^/]*/|iphone|ipad|android|https?:|rv:|[a-z]{2}_[a-z]{2}|^[^/ ]*\d[^/ ]*/|api|level|fb`)
)

// branded tells whether a name says itself that it is a browser, as many do.
func branded(name string) bool {
	return strings.Contains(name, "browser") || strings.HasSuffix(name, "fox") || strings.Contains(name, "webview") || strings.Contains(name, "explorer") ||
		strings.HasPrefix(name, "fb") || strings.HasPrefix(name, "nokia") || strings.HasPrefix(name, "samsung") || strings.HasPrefix(name, "com.") || strings.Contains(name, "%")
}

// split parts a user agent into what stands outside of brackets and what within.
func split(agent string) (outside string, comments []string) {
	var b strings.Builder
	depth, from := 0, 0
	for i, r := range agent {
		switch r {
		case '(':
			if depth == 0 {
				from = i + 1
				b.WriteByte(' ')
			}
			depth++
		case ')':
			if depth--; depth == 0 {
				comments = append(comments, agent[from:i])
			}
			depth = max(depth, 0)
		default:
			if depth == 0 {
				b.WriteRune(r)
			}
		}
	}
	if depth > 0 {
		comments = append(comments, agent[from:])
	}
	return b.String(), comments
}
