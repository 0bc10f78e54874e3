package doctor

import (
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Fetcher makes a request. An *http.Client does.
type Fetcher interface {
	Do(r *http.Request) (*http.Response, error)
}

const (
	policyTime = 10 * time.Second
	maxPolicy  = 64 << 10 // RFC 8461 lets nobody read more
	// A policy is kept for a year at most.
	maxPolicyAge = 31557600
)

// NewFetcher is a client that follows no redirect, as RFC 8461 has it, and waits for no
// one.
func NewFetcher() *http.Client {
	return &http.Client{
		Timeout:       policyTime,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// lookInbound looks at what a domain says of how mail to it is to be encrypted. It is
// about mail to us, and nobody refuses ours for lack of it.
func (l *look) lookInbound(ctx context.Context) error {
	record, err := l.single(ctx, "_mta-sts."+l.Domain, "v=STSv1", "nothing makes others encrypt mail to "+l.Domain+" (MTA-STS, RFC 8461)",
		"write this, once https://mta-sts."+l.Domain+"/.well-known/mta-sts.txt has the policy", "v=STSv1; id=1")
	if err != nil {
		return err
	}
	if record != "" {
		if err := l.lookPolicy(ctx, record); err != nil {
			return err
		}
	}
	record, err = l.single(ctx, "_smtp._tls."+l.Domain, "v=TLSRPTv1", "nobody hears of it when mail to "+l.Domain+" cannot be encrypted (TLS-RPT, RFC 8460)",
		"write this", "v=TLSRPTv1; rua=mailto:tls@"+l.Domain)
	if err == nil && record != "" {
		l.lookTLSReports(record)
	}
	return err
}

// single is the one record of a kind at a name; empty: there is none, or none that counts.
func (l *look) single(ctx context.Context, name, version, missing, do, value string) (string, error) {
	all, err := l.dns.textsOf(ctx, name, version)
	if err != nil {
		return "", err
	}
	switch len(all) {
	case 0:
		l.add(checkTLS, Hint, missing, do, txt(name, value))
	case 1:
		return all[0], nil
	default:
		l.add(checkTLS, Warn, fmt.Sprintf("%d records at %s, where one may stand: none is heeded", len(all), name), "leave one", nil)
	}
	return "", nil
}

// field is what a record of the form "a=1; b=2" says of a name.
func field(record, name string) string {
	for part := range strings.SplitSeq(record, ";") {
		if key, value, ok := strings.Cut(part, "="); ok && strings.TrimSpace(key) == name {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

// lookTLSReports looks whether reports on TLS have somewhere to go.
func (l *look) lookTLSReports(record string) {
	name := "_smtp._tls." + l.Domain
	rua := field(record, "rua")
	for to := range strings.SplitSeq(rua, ",") {
		u, err := url.Parse(strings.TrimSpace(to))
		if err != nil || u.Scheme != "mailto" && u.Scheme != "https" || u.Scheme == "mailto" && !strings.Contains(u.Opaque, "@") || u.Scheme == "https" && u.Host == "" {
			l.add(checkTLS, Warn, fmt.Sprintf("%s: %q sends reports nowhere: rua wants mailto: or https: addresses", name, record), "write this", txt(name, "v=TLSRPTv1; rua=mailto:tls@"+l.Domain))
			return
		}
	}
	l.ok(checkTLS, fmt.Sprintf("%s: %q", name, record))
}

var policyID = regexp.MustCompile(`^[A-Za-z0-9]{1,32}$`)

// lookPolicy looks at the policy that a record of MTA-STS promises. A sender who cannot
// read it, or whom it shuts out, brings no replies and no bounces.
func (l *look) lookPolicy(ctx context.Context, record string) error {
	name := "_mta-sts." + l.Domain
	if !policyID.MatchString(field(record, "id")) {
		l.add(checkTLS, Warn, fmt.Sprintf("%s: %q has no id of letters and digits: it is not heeded", name, record), "write this, with a new id whenever the policy changes", txt(name, "v=STSv1; id=1"))
		return nil
	}
	l.ok(checkTLS, fmt.Sprintf("%s: %q", name, record))
	if l.Fetch == nil {
		return nil
	}
	address := "https://mta-sts." + l.Domain + "/.well-known/mta-sts.txt"
	text, err := fetchPolicy(ctx, l.Fetch, address)
	if ctx.Err() != nil {
		return fmt.Errorf("fetch the policy of MTA-STS: %w", ctx.Err())
	}
	if err != nil {
		l.add(checkTLS, Warn, fmt.Sprintf("%s cannot be read: %v; the record promises it", address, err), "put the policy there, with a valid certificate, or take out the record", nil)
		return nil
	}
	p, err := parsePolicy(text)
	if err != nil {
		l.add(checkTLS, Warn, fmt.Sprintf("%s: %v; the policy is not heeded", address, err), "mend it, and give the record a new id", nil)
		return nil
	}
	return l.judgePolicy(ctx, address, p)
}

// stsPolicy is what RFC 8461 has in the file.
type stsPolicy struct {
	mode   string
	mx     []string
	maxAge int
}

func parsePolicy(text string) (p stsPolicy, err error) {
	version, aged := "", false
	for line := range strings.Lines(text) {
		key, value, ok := strings.Cut(strings.TrimSpace(line), ":")
		if !ok {
			continue
		}
		switch value = strings.TrimSpace(value); strings.TrimSpace(key) {
		case "version":
			version = value
		case "mode":
			p.mode = value
		case "mx":
			p.mx = append(p.mx, strings.ToLower(strings.TrimSuffix(value, ".")))
		case "max_age":
			n, err := strconv.Atoi(value)
			if aged = err == nil && n >= 0 && n <= maxPolicyAge; aged {
				p.maxAge = n
			}
		}
	}
	switch {
	case version != "STSv1":
		return p, errors.New("it lacks the line \"version: STSv1\"")
	case p.mode != "enforce" && p.mode != "testing" && p.mode != "none":
		return p, fmt.Errorf("its mode is %.20q, where enforce, testing or none may stand", p.mode)
	case !aged:
		return p, fmt.Errorf("its max_age is no number of seconds up to %d", maxPolicyAge)
	case len(p.mx) == 0 && p.mode != "none":
		return p, errors.New("it names no mx")
	}
	return p, nil
}

func fetchPolicy(ctx context.Context, by Fetcher, address string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, policyTime)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return "", err
	}
	reply, err := by.Do(r)
	var at *url.Error
	if errors.As(err, &at) {
		err = at.Err
	}
	if err != nil {
		return "", err
	}
	defer reply.Body.Close()
	if reply.StatusCode != http.StatusOK {
		return "", fmt.Errorf("it answers %d, and redirects are not followed", reply.StatusCode)
	}
	if kind, _, _ := mime.ParseMediaType(reply.Header.Get("Content-Type")); kind != "text/plain" {
		return "", fmt.Errorf("it is %.40q and not text/plain", kind)
	}
	body, err := io.ReadAll(io.LimitReader(reply.Body, maxPolicy+1))
	if err == nil && len(body) > maxPolicy {
		err = fmt.Errorf("it holds more than %d KB", maxPolicy>>10)
	}
	return string(body), err
}

// judgePolicy looks whether the policy lets in who it is for.
func (l *look) judgePolicy(ctx context.Context, address string, p stsPolicy) error {
	all, err := l.dns.exchangers(ctx, l.Domain)
	if err != nil {
		return err
	}
	for _, x := range all {
		if x.host != "" && !slices.ContainsFunc(p.mx, func(pattern string) bool { return matches(pattern, x.host) }) && p.mode != "none" {
			then := "others bring no mail there"
			if p.mode == "testing" { // which others only report
				then += " once the mode is enforce"
			}
			l.add(checkTLS, Warn, fmt.Sprintf("%s does not name %s, an MX of %s: %s", address, x.host, l.Domain, then), "add the line \"mx: "+x.host+"\", and give the record a new id", nil)
			return nil
		}
	}
	switch p.mode {
	case "none":
		l.add(checkTLS, Hint, address+" has mode none: it asks nothing of anybody", "say enforce, once mode testing has brought no complaints", nil)
	case "testing":
		l.add(checkTLS, Hint, address+" has mode testing: mail comes unencrypted too", "say enforce, once the reports on TLS bring no complaints", nil)
	default:
		l.ok(checkTLS, fmt.Sprintf("%s: mode enforce, for %d s", address, p.maxAge))
	}
	return nil
}

// matches tells whether a pattern, which may begin with one label left open, names a host.
func matches(pattern, host string) bool {
	if rest, open := strings.CutPrefix(pattern, "*."); open {
		_, after, ok := strings.Cut(host, ".")
		return ok && after == rest
	}
	return pattern == host
}
