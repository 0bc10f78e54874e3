package doctor

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"
)

// spfTerm is a mechanism or a modifier of an SPF record (RFC 7208).
type spfTerm struct {
	text      string // as it stands there
	qualifier byte   // + - ~ ?
	name      string // in lower case: all include a mx ptr ip4 ip6 exists; redirect exp
	modifier  bool
	domain    string // as written; may hold macros
}

// looksUp tells whether the term counts towards the ten look-ups of a check
// (RFC 7208, 4.6.4).
func (t spfTerm) looksUp() bool {
	switch t.name {
	case "include", "a", "mx", "ptr", "exists":
		return !t.modifier
	}
	return t.modifier && t.name == "redirect"
}

// macros tells whether the domain depends on the mail, so that it cannot be followed.
func (t spfTerm) macros() bool { return strings.Contains(t.domain, "%") }

// spfRecord is an SPF record, its terms in order.
type spfRecord []spfTerm

// find is the first term of a name: a mechanism, or redirect.
func (r spfRecord) find(name string) (spfTerm, bool) {
	for _, t := range r {
		if t.name == name && t.modifier == (name == "redirect") {
			return t, true
		}
	}
	return spfTerm{}, false
}

// put is the record's text with other words in the place of a term, or none.
func (r spfRecord) put(term spfTerm, words ...string) string {
	out, done := []string{"v=spf1"}, false
	for _, t := range r {
		if t == term && !done {
			out, done = append(out, words...), true
		} else {
			out = append(out, t.text)
		}
	}
	return strings.Join(out, " ")
}

// parseSPF reads a record. An error is what receivers call a permerror: they then
// treat the mail as if nothing were said of its sender, or refuse it.
func parseSPF(text string) (spfRecord, error) {
	version, rest, _ := strings.Cut(text, " ")
	if !strings.EqualFold(version, "v=spf1") {
		return nil, fmt.Errorf("it begins with %q and not with v=spf1", version)
	}
	var out spfRecord
	once := map[string]bool{}
	for word := range strings.SplitSeq(rest, " ") {
		if word == "" {
			continue
		}
		t, err := parseTerm(word)
		if err != nil {
			return nil, err
		}
		if t.modifier && (t.name == "redirect" || t.name == "exp") {
			if once[t.name] {
				return nil, fmt.Errorf("%s stands there twice", t.name)
			}
			once[t.name] = true
		}
		out = append(out, t)
	}
	return out, nil
}

func parseTerm(word string) (spfTerm, error) {
	t := spfTerm{text: word, qualifier: '+'}
	end := strings.IndexAny(word, ":/=")
	if end >= 0 && word[end] == '=' {
		t.name, t.modifier, t.domain = strings.ToLower(word[:end]), true, word[end+1:]
		if !isName(t.name) {
			return t, fmt.Errorf("%q is no term of SPF", word)
		}
		if t.name == "redirect" || t.name == "exp" {
			return t, domainSpec(word, t.domain)
		}
		return t, macroString(word, t.domain)
	}
	if strings.IndexByte("+-~?", word[0]) >= 0 {
		t.qualifier, word = word[0], word[1:]
		end--
	}
	value := ""
	if t.name = strings.ToLower(word); end >= 0 {
		t.name, value = strings.ToLower(word[:end]), word[end:]
	}
	return t, t.argument(value)
}

// argument reads what follows a mechanism's name, with its separator.
func (t *spfTerm) argument(value string) error {
	switch t.name {
	case "all":
		if value != "" {
			return fmt.Errorf("%q: nothing may follow all", t.text)
		}
	case "include", "exists":
		if !strings.HasPrefix(value, ":") {
			return fmt.Errorf("%q lacks its domain, as in %s:example.com", t.text, t.name)
		}
		t.domain = value[1:]
		return domainSpec(t.text, t.domain)
	case "ptr":
		if value == "" {
			return nil
		}
		if value[0] != ':' {
			return fmt.Errorf("%q is no term of SPF", t.text)
		}
		t.domain = value[1:]
		return domainSpec(t.text, t.domain)
	case "a", "mx":
		return t.host(value)
	case "ip4", "ip6":
		return t.network(strings.TrimPrefix(value, ":"))
	default:
		return fmt.Errorf("%q: there is no mechanism %q; SPF knows all, include, a, mx, ip4, ip6 and exists", t.text, t.name)
	}
	return nil
}

// host reads [:domain][/bits][//bits6].
func (t *spfTerm) host(value string) error {
	domain, bits, _ := strings.Cut(value, "/")
	if strings.HasPrefix(domain, ":") {
		t.domain = domain[1:]
		if err := domainSpec(t.text, t.domain); err != nil {
			return err
		}
	}
	if len(domain) == len(value) {
		return nil
	}
	four, six, both := strings.Cut("/"+bits, "//")
	if four = strings.TrimPrefix(four, "/"); four != "" && !isBits(four, 32) || both && !isBits(six, 128) || four == "" && !both {
		return fmt.Errorf("%q: what follows the slash is no length of a network", t.text)
	}
	return nil
}

func (t *spfTerm) network(value string) error {
	addr, bits, given := strings.Cut(value, "/")
	most := 32
	a, err := netip.ParseAddr(addr)
	if t.name == "ip6" {
		most = 128
	}
	if err != nil || a.Zone() != "" || a.Is4() != (t.name == "ip4") || given && !isBits(bits, most) {
		return fmt.Errorf("%q is no %s network", t.text, map[string]string{"ip4": "IPv4", "ip6": "IPv6"}[t.name])
	}
	return nil
}

func isBits(s string, most int) bool {
	n, err := strconv.Atoi(s)
	return err == nil && n >= 0 && n <= most && strconv.Itoa(n) == s
}

// isName holds for ALPHA *( ALPHA / DIGIT / "-" / "_" / "." ), in lower case.
func isName(s string) bool {
	for i, c := range []byte(s) {
		if c >= 'a' && c <= 'z' || i > 0 && (c >= '0' && c <= '9' || strings.IndexByte("-_.", c) >= 0) {
			continue
		}
		return false
	}
	return s != ""
}

// domainSpec checks a domain, which may hold macros.
func domainSpec(term, s string) error {
	if s == "" {
		return fmt.Errorf("%q lacks its domain", term)
	}
	if err := macroString(term, s); err != nil {
		return err
	}
	if strings.Contains(s, "%") {
		return nil
	}
	labels := strings.Split(strings.TrimSuffix(s, "."), ".")
	if len(s) > 253 || len(labels) < 2 {
		return fmt.Errorf("%q: %q is no domain", term, s)
	}
	for _, l := range labels {
		if l == "" || len(l) > 63 || strings.ContainsAny(l, "/:@") {
			return fmt.Errorf("%q: %q is no domain", term, s)
		}
	}
	return nil
}

// macroString checks the macros of a text (RFC 7208, 7.1).
func macroString(term, s string) error {
	for i := 0; i < len(s); i++ {
		if s[i] < 0x21 || s[i] > 0x7e {
			return fmt.Errorf("%q holds characters that SPF does not know", term)
		}
		if s[i] != '%' {
			continue
		}
		if i++; i < len(s) && strings.IndexByte("%_-", s[i]) >= 0 {
			continue
		}
		end := strings.IndexByte(s[i:], '}')
		if i >= len(s) || s[i] != '{' || end < 2 || !isMacro(s[i+1:i+end]) {
			return fmt.Errorf("%q holds a %% that begins no macro", term)
		}
		i += end
	}
	return nil
}

// isMacro checks what stands between the braces: a letter, digits, r, delimiters.
func isMacro(s string) bool {
	if strings.IndexByte("slodiphcrtvSLODIPHCRTV", s[0]) < 0 {
		return false
	}
	s = strings.TrimLeft(s[1:], "0123456789")
	if s != "" && (s[0] == 'r' || s[0] == 'R') {
		s = s[1:]
	}
	return strings.Trim(s, ".-+,/_=") == ""
}
