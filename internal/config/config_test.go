package config

import (
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
