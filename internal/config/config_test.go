package config

import (
	"net/netip"
	"strings"
	"testing"
)

func env(pairs ...string) func(string) string {
	m := map[string]string{}
	for i := 0; i < len(pairs); i += 2 {
		m[pairs[i]] = pairs[i+1]
	}
	return func(k string) string { return m[k] }
}

func TestLoadDefaults(t *testing.T) {
	c, err := Load(env())
	if err != nil {
		t.Fatal(err)
	}
	if c.DatabaseURL != "sqlite:tidings.db" || c.PublicURL != "http://localhost:8080" || c.Addr() != "127.0.0.1:8080" || c.Connections != 10 {
		t.Errorf("defaults are %+v", c)
	}
}

func TestLoadPlatform(t *testing.T) {
	c, err := Load(env("DYNO", "web.1", "PORT", "5000", "TRUSTED_PROXIES", "10.0.0.0/8, 192.0.2.1"))
	if err != nil {
		t.Fatal(err)
	}
	if c.Addr() != "0.0.0.0:5000" || c.Platform != "Heroku" || len(c.TrustedProxies) != 2 {
		t.Errorf("got %+v", c)
	}
	if err := c.Durable(); err == nil || !strings.Contains(err.Error(), "Heroku throws the disk away") {
		t.Errorf("SQLite on an ephemeral disk: %v", err)
	}
	err = c.Servable()
	for _, key := range []string{"SECRET_KEY", "PUBLIC_URL", "SMTP_URL"} {
		if err == nil || !strings.Contains(err.Error(), key) {
			t.Errorf("%s is not asked for: %v", key, err)
		}
	}
	c.EphemeralOK = true
	if err := c.Durable(); err != nil {
		t.Error(err)
	}
}

func TestLoadTellsAllThatIsWrong(t *testing.T) {
	_, err := Load(env("PORT", "http", "PUBLIC_URL", "shop.example", "TRUSTED_PROXIES", "everyone", "LOG_LEVEL", "loud", "DB_MAX_CONNS", "1"))
	if err == nil {
		t.Fatal("no error")
	}
	for _, key := range []string{"PORT", "PUBLIC_URL", "TRUSTED_PROXIES", "LOG_LEVEL", "DB_MAX_CONNS"} {
		if !strings.Contains(err.Error(), key) {
			t.Errorf("%s is not named in %q", key, err)
		}
	}
}

func TestTrustedProxies(t *testing.T) {
	for text, c := range map[string]struct{ inside, outside string }{
		"10.0.0.0/8":           {"10.0.0.1", "11.0.0.1"},
		"10.1.2.3/8":           {"10.9.9.9", "11.0.0.1"},
		"::ffff:10.0.0.1":      {"10.0.0.1", "10.0.0.2"},
		"::ffff:10.0.0.0/104":  {"10.9.9.9", "11.0.0.1"},
		"192.0.2.7, ::1":       {"::1", "::2"},
		" 2001:db8::1/32 ,":    {"2001:db8:ffff::1", "2001:db9::1"},
		"fe80::1%eth0, fd00::": {"fe80::1", "fe80::2"},
	} {
		c1, err := Load(env("TRUSTED_PROXIES", text))
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		holds := func(s string) bool {
			for _, p := range c1.TrustedProxies {
				if p.Contains(netip.MustParseAddr(s)) {
					return true
				}
			}
			return false
		}
		if !holds(c.inside) || holds(c.outside) {
			t.Errorf("%s is read as %v", text, c1.TrustedProxies)
		}
	}
	for _, text := range []string{"10.0.0.0/33", "heroku", "10.0.0.0/8 192.0.2.7", "::ffff:0:0/95", "1.2.3"} {
		if _, err := Load(env("TRUSTED_PROXIES", text)); err == nil || !strings.Contains(err.Error(), text) {
			t.Errorf("%s: %v", text, err)
		}
	}
}

func FuzzTrustedProxies(f *testing.F) {
	f.Add("10.0.0.0/8, ::ffff:10.0.0.1, fe80::1%x")
	f.Fuzz(func(t *testing.T, s string) {
		ps, err := prefixes(s)
		for _, p := range ps {
			if err == nil && (!p.IsValid() || p.Addr().Is4In6() || p != p.Masked()) {
				t.Fatalf("%q holds %v", s, p)
			}
		}
	})
}
