package mail

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
)

// Security says when a connection is encrypted.
type Security string

// The securities. Mandatory and Opportunistic speak of STARTTLS; Implicit is TLS
// from the first byte.
const (
	Implicit      Security = "implicit"
	Mandatory     Security = "mandatory"
	Opportunistic Security = "opportunistic"
	Off           Security = "off"
)

// Server is where mail is handed over, and how.
type Server struct {
	Host     string // a name or an IP literal without brackets
	Port     int
	User     string // empty: no AUTH
	Security Security
	Helo     string // the name to greet with; empty: the pool's default

	// password is kept out of reach of printing and encoding.
	password string
}

// ParseURL reads smtp://[user:password@]host[:port][?tls=…][&helo=…] or
// smtps://…. The ports are 587 and 465 unless written; 25 is never assumed.
// STARTTLS is mandatory when there is a password or the host is not loopback;
// tls=opportunistic lifts that for a host without a password, tls=off for
// loopback alone. The errors never hold the password.
func ParseURL(raw string) (Server, error) {
	s, err := parseURL(raw)
	if err != nil {
		return Server{}, fmt.Errorf("read SMTP_URL: %w", err)
	}
	return s, nil
}

func parseURL(raw string) (Server, error) {
	u, err := url.Parse(raw)
	if err != nil {
		// The error of net/url quotes the whole text, password and all.
		return Server{}, errors.New("not a URL; write smtp://user:password@host:587, and percent-encode signs such as # / @ % in the password")
	}
	s := Server{Host: u.Hostname()}
	switch u.Scheme {
	case "smtp":
		s.Port = 587
	case "smtps":
		s.Port, s.Security = 465, Implicit
	default:
		return s, fmt.Errorf("scheme %q is not known; write smtp:// (STARTTLS) or smtps:// (TLS from the start)", u.Scheme)
	}
	if s.Host == "" {
		return s, errors.New("no host; write smtp://user:password@host:587")
	}
	if strings.ContainsAny(s.Host, " \t\r\n") {
		return s, errors.New("the host has a space in it")
	}
	if p := u.Port(); p != "" {
		if s.Port, err = strconv.Atoi(p); err != nil || s.Port < 1 || s.Port > 65535 {
			return s, fmt.Errorf("port %q is not between 1 and 65535", p)
		}
	}
	if (u.Path != "" && u.Path != "/") || u.Fragment != "" || u.Opaque != "" {
		return s, errors.New("there is more after the host; percent-encode signs such as # / @ % in the password")
	}
	if u.User != nil {
		s.User = u.User.Username()
		s.password, _ = u.User.Password()
		if s.User == "" || s.password == "" {
			return s, errors.New("AUTH takes a user and a password; write smtp://user:password@host, or neither")
		}
	}
	return s, s.options(u.RawQuery)
}

// options reads what stands behind the question mark and settles the security.
func (s *Server) options(raw string) error {
	query, err := url.ParseQuery(raw)
	if err != nil {
		return errors.New("the options after ? cannot be read; write ?tls=opportunistic&helo=mail.example.com")
	}
	for key, values := range query {
		if len(values) > 1 {
			return fmt.Errorf("option %q is given twice", key)
		}
		switch key {
		case "tls":
			if err := s.secure(values[0]); err != nil {
				return err
			}
		case "helo":
			if !validHelo(values[0]) {
				return fmt.Errorf("helo %q is not a host name; write helo=mail.example.com", values[0])
			}
			s.Helo = values[0]
		default:
			return fmt.Errorf("option %q is not known; there are tls and helo", key)
		}
	}
	if s.Security == "" {
		s.Security = Mandatory
		if s.Loopback() && s.User == "" {
			s.Security = Off
		}
	}
	return nil
}

func (s *Server) secure(value string) error {
	if s.Security == Implicit {
		return errors.New("option tls has no meaning with smtps://, which is always encrypted")
	}
	switch Security(value) {
	case Mandatory:
	case Opportunistic:
		if s.User != "" && !s.Loopback() {
			return errors.New("tls=opportunistic could send the password in the clear; leave it out, or use smtps://")
		}
	case Off:
		if !s.Loopback() {
			return fmt.Errorf("tls=off is for loopback alone, and %s is not; leave it out, or write tls=opportunistic", s.Host)
		}
	default:
		return fmt.Errorf("tls=%s is not known; there are mandatory, opportunistic and off", value)
	}
	s.Security = Security(value)
	return nil
}

// validHelo accepts host names and address literals.
func validHelo(name string) bool {
	if name == "" || len(name) > 255 {
		return false
	}
	for _, r := range name {
		ok := r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune(".-_[]:", r)
		if !ok {
			return false
		}
	}
	return true
}

// Addr is host:port, to dial.
func (s Server) Addr() string { return net.JoinHostPort(s.Host, strconv.Itoa(s.Port)) }

// Loopback tells whether the server is this machine by its name alone: a
// loopback address, or localhost. No other name is looked up.
func (s Server) Loopback() bool {
	host := strings.ToLower(strings.TrimSuffix(s.Host, "."))
	if host == "localhost" || strings.HasSuffix(host, ".localhost") {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.Unmap().IsLoopback()
}

// String is the server as a URL without its password.
func (s Server) String() string {
	scheme := "smtp"
	if s.Security == Implicit {
		scheme = "smtps"
	}
	u := url.URL{Scheme: scheme, Host: s.Addr()}
	if s.User != "" {
		u.User = url.User(s.User)
	}
	return u.String()
}

// GoString keeps the password out of %#v too.
func (s Server) GoString() string { return s.String() }
