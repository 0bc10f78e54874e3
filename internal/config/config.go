// Package config is the environment as Tidings reads it, once, at a process's
// start.
package config

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// Config is everything that the environment says. Flags that say the same win
// over it.
type Config struct {
	DatabaseURL    string // postgres://… or sqlite:PATH
	RedisURL       string // empty: in process
	RedisTLSVerify string // auto, on, off
	SMTPURL        string // empty: the built-in inbox, where that is allowed
	PublicURL      string // without a final slash
	ReturnAddress  string // what comes back of mails comes to it; empty: to their sender
	// Webhooks are the keys of providers' webhooks, by the provider's name; InboundForward
	// is whom mails for people are sent on to that come by /hooks/inbound.
	Webhooks       map[string][]string
	InboundForward string
	ResendKey      string // of Resend's API, for the mails that it has received
	SecretKeys     []string
	DKIMKeys       string // selector@domain=FILE, …; empty: mails are not signed here
	WriteKeys      []string
	Confirmations  int // questions of double opt-in that one write key may have mailed within an hour; 0: the store's own limit
	AdminPassword  string
	TrustedProxies []netip.Prefix
	Port           string
	PortGiven      bool   // PORT is set: the platform wants every process to listen
	Host           string // address to listen on
	DBMaxConns     int
	Connections    int           // to the mail server, per process
	StopGrace      time.Duration // how long a stopping process waits for replies
	LogLevel       slog.Level
	Platform       string // the PaaS that this runs on; empty: none known
	EphemeralOK    bool   // ALLOW_EPHEMERAL_SQLITE
	Workspace      string // folder; empty: the current one
}

// platforms are known by a variable that they set.
var platforms = []struct{ variable, name string }{
	{"DYNO", "Heroku"}, {"RENDER", "Render"}, {"FLY_APP_NAME", "Fly.io"}, {"RAILWAY_ENVIRONMENT", "Railway"},
	{"K_SERVICE", "Cloud Run"}, {"DOKKU_APP_NAME", "Dokku"},
}

// Load reads the environment through getenv. All that is wrong is in the error,
// a line each.
func Load(getenv func(string) string) (Config, error) {
	var problems []error
	number := func(key string, fallback, least int) int {
		v := getenv(key)
		if v == "" {
			return fallback
		}
		n, err := strconv.Atoi(v)
		if err != nil || n < least {
			problems = append(problems, fmt.Errorf("%s is %q; write a whole number, %d or more", key, v, least))
			return fallback
		}
		return n
	}
	c := Config{
		DatabaseURL:    getenv("DATABASE_URL"),
		RedisURL:       getenv("REDIS_URL"),
		RedisTLSVerify: getenv("REDIS_TLS_VERIFY"),
		SMTPURL:        getenv("SMTP_URL"),
		SecretKeys:     list(getenv("SECRET_KEY")),
		DKIMKeys:       strings.TrimSpace(getenv("DKIM_KEYS")),
		Webhooks:       webhooks(getenv),
		InboundForward: strings.TrimSpace(getenv("INBOUND_FORWARD")),
		ResendKey:      strings.TrimSpace(getenv("RESEND_API_KEY")),
		WriteKeys:      list(getenv("WRITE_KEY")),
		AdminPassword:  getenv("ADMIN_PASSWORD"),
		DBMaxConns:     number("DB_MAX_CONNS", 0, 2),
		Confirmations:  number("CONFIRMATIONS_PER_HOUR", 0, 1),
		Connections:    number("SMTP_CONNECTIONS", 10, 1),
		EphemeralOK:    getenv("ALLOW_EPHEMERAL_SQLITE") == "1",
		Workspace:      getenv("WORKSPACE"),
	}
	c.StopGrace = 25 * time.Second
	if v := getenv("STOP_GRACE"); v != "" {
		d, err := time.ParseDuration(v)
		if err != nil || d < time.Second {
			problems = append(problems, fmt.Errorf("STOP_GRACE is %q; write how long a stopping process may wait for the mail server, such as 25s", v))
		}
		c.StopGrace = d
	}
	for _, p := range platforms {
		if getenv(p.variable) != "" {
			c.Platform = p.name
			break
		}
	}
	c.Port = strconv.Itoa(number("PORT", 8080, 0))
	c.PortGiven = getenv("PORT") != ""
	c.Host = "127.0.0.1"
	if c.Platform != "" || c.PortGiven {
		c.Host = "0.0.0.0" // a platform that gives a port reaches it from outside
	}
	var err error
	if c.TrustedProxies, err = prefixes(getenv("TRUSTED_PROXIES")); err != nil {
		problems = append(problems, err)
	}
	if c.PublicURL, err = publicURL(getenv("PUBLIC_URL"), c.Port); err != nil {
		problems = append(problems, err)
	}
	if c.ReturnAddress, err = returnAddress(getenv("RETURN_ADDRESS")); err != nil {
		problems = append(problems, err)
	}
	if v := getenv("LOG_LEVEL"); v != "" {
		if err := c.LogLevel.UnmarshalText([]byte(v)); err != nil {
			problems = append(problems, fmt.Errorf("LOG_LEVEL is %q; write debug, info, warn or error", v))
		}
	}
	if c.DatabaseURL == "" {
		c.DatabaseURL = "sqlite:tidings.db"
	}
	return c, errors.Join(problems...)
}

// webhookKeys are the variables that hold the keys of webhooks.
var webhookKeys = map[string]string{
	"ses": "SES_WEBHOOK_TOPIC", "postmark": "POSTMARK_WEBHOOK_SECRET", "sendgrid": "SENDGRID_WEBHOOK_KEY", "mailgun": "MAILGUN_WEBHOOK_KEY",
	"resend": "RESEND_WEBHOOK_SECRET", "brevo": "BREVO_WEBHOOK_SECRET", "inbound": "INBOUND_WEBHOOK_SECRET",
}

func webhooks(getenv func(string) string) map[string][]string {
	out := map[string][]string{}
	for name, variable := range webhookKeys {
		if keys := list(getenv(variable)); len(keys) > 0 {
			out[name] = keys
		}
	}
	return out
}

// Addr is what the web server listens on.
func (c Config) Addr() string { return net.JoinHostPort(c.Host, c.Port) }

// SQLite tells whether the database is a file of this machine's.
func (c Config) SQLite() bool { return strings.HasPrefix(c.DatabaseURL, "sqlite:") }

// Durable refuses a database that the platform would throw away.
func (c Config) Durable() error {
	if !c.SQLite() || c.Platform == "" || c.EphemeralOK {
		return nil
	}
	return fmt.Errorf("the database would be %s, a file on this machine; %s throws the disk away at every restart, and with it who was mailed, who unsubscribed and what is queued. "+
		"Add a PostgreSQL database and set DATABASE_URL; if this path is on a volume that stays, set ALLOW_EPHEMERAL_SQLITE=1", c.DatabaseURL, c.Platform)
}

// Servable tells what a live process still lacks on a platform.
func (c Config) Servable() error {
	if c.Platform == "" {
		return nil
	}
	var missing []error
	if len(c.SecretKeys) == 0 {
		missing = append(missing, errors.New("SECRET_KEY is not set; links in mails are signed with it. Set it to 32 random characters and keep it"))
	}
	if strings.HasPrefix(c.PublicURL, "http://localhost") {
		missing = append(missing, errors.New("PUBLIC_URL is not set; links in mails point to it. Set it to the address at which this app is reached, with https://"))
	}
	if c.SMTPURL == "" {
		missing = append(missing, fmt.Errorf("SMTP_URL is not set; without it mails would go to the built-in inbox, which %s cannot keep. Set it to smtp://user:password@host:587", c.Platform))
	}
	return errors.Join(missing...)
}

func list(s string) []string {
	var out []string
	for part := range strings.SplitSeq(s, ",") {
		if part = strings.TrimSpace(part); part != "" {
			out = append(out, part)
		}
	}
	return out
}

// prefixes reads addresses and networks. An IPv4 one written as IPv6
// (::ffff:10.0.0.1) is the IPv4 one, as which addresses are compared.
func prefixes(s string) ([]netip.Prefix, error) {
	var out []netip.Prefix
	for _, part := range list(s) {
		p, ok := prefix(part)
		if !ok {
			return nil, fmt.Errorf("TRUSTED_PROXIES has %q; write addresses or networks, as 10.0.0.0/8, 192.0.2.7", part)
		}
		out = append(out, p)
	}
	return out, nil
}

func prefix(s string) (netip.Prefix, bool) {
	if a, err := netip.ParseAddr(s); err == nil {
		a = a.Unmap().WithZone("")
		return netip.PrefixFrom(a, a.BitLen()), true
	}
	p, err := netip.ParsePrefix(s)
	if err != nil {
		return p, false
	}
	if a := p.Addr(); a.Is4In6() {
		if p.Bits() < 96 {
			return p, false // holds other addresses than IPv4 ones
		}
		p = netip.PrefixFrom(a.Unmap(), p.Bits()-96)
	}
	return p.Masked(), true
}

var plainAddress = regexp.MustCompile(`^[a-z0-9._-]{1,18}@([a-z0-9]([a-z0-9-]*[a-z0-9])?\.)+[a-z0-9-]*[a-z0-9]$`)

func returnAddress(s string) (string, error) {
	s = strings.ToLower(strings.TrimSpace(s))
	if s != "" && !plainAddress.MatchString(s) {
		return "", fmt.Errorf("RETURN_ADDRESS is %q; write a short address whose mails come back to `tidings inbound`, as bounces@mail.example.com", s)
	}
	return s, nil
}

func publicURL(s, port string) (string, error) {
	if s == "" {
		return "http://localhost:" + port, nil
	}
	u, err := url.Parse(s)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" || u.RawQuery != "" || u.Fragment != "" {
		return "", fmt.Errorf("PUBLIC_URL is %q; write https://mail.example.com", s)
	}
	return strings.TrimRight(s, "/"), nil
}
