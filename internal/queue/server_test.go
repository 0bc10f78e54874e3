package queue_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"tidings/internal/campaign"
	"tidings/internal/queue"
)

// ownRedis starts a redis-server of the test's own on a port.
func ownRedis(t *testing.T, port string, args ...string) (stop func()) {
	t.Helper()
	cmd := exec.Command("redis-server", append([]string{"--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir", t.TempDir()}, args...)...)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := false
	stop = func() {
		if !ended {
			ended = true
			_ = cmd.Process.Kill()
			_ = cmd.Wait()
		}
	}
	t.Cleanup(stop)
	ctx := within(t)
	for {
		conn, err := new(net.Dialer).DialContext(ctx, "tcp", "127.0.0.1:"+port)
		if err == nil {
			conn.Close()
			return stop
		}
		if ctx.Err() != nil {
			t.Fatal("redis-server does not listen:", err)
		}
	}
}

// needsRedis skips a test where there is no Redis to test with.
func needsRedis(t *testing.T) {
	t.Helper()
	if os.Getenv("TEST_REDIS_URL") == "" {
		t.Skip("TEST_REDIS_URL is not set")
	}
	if _, err := exec.LookPath("redis-server"); err != nil {
		t.Skip("redis-server is not installed")
	}
}

func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return strconv.Itoa(l.Addr().(*net.TCPAddr).Port)
}

// works sends one slice through a queue.
func works(t *testing.T, q *queue.Queue, slice int64) {
	t.Helper()
	got := make(chan int64, 1)
	s, err := q.Serve(context.Background(), queue.Handlers{Bulk: collect(got)})
	if err != nil {
		t.Fatal(err)
	}
	mustEnqueue(t, q, campaign.LaneBulk, slice)
	if n := receive(t, got); n != slice {
		t.Errorf("slice %d, want %d", n, slice)
	}
	if err := s.Stop(within(t)); err != nil {
		t.Error(err)
	}
}

// A server that speaks TLS alone, with a certificate that nobody vouches for, as
// on Heroku: taken there, or when verification is switched off, and nowhere else.
func TestTLS(t *testing.T) {
	t.Parallel()
	needsRedis(t)
	cert, key := certificate(t)
	port := freePort(t)
	ownRedis(t, port, "--port", "0", "--tls-port", port, "--tls-cert-file", cert, "--tls-key-file", key, "--tls-ca-cert-file", cert,
		"--tls-auth-clients", "no", "--requirepass", "s3cret")
	url := "rediss://:s3cret@127.0.0.1:" + port
	for _, c := range []struct {
		name   string
		verify queue.TLSVerify
		heroku bool
		taken  bool
	}{
		{"auto", queue.VerifyAuto, false, false},
		{"auto on Heroku", queue.VerifyAuto, true, true},
		{"on", queue.VerifyOn, true, false},
		{"off", queue.VerifyOff, false, true},
	} {
		q, err := queue.Open(within(t), url, "tls", quiet(), queue.WithTLSVerify(c.verify, c.heroku))
		if (err == nil) != c.taken || err != nil && (!strings.Contains(err.Error(), "certificate") || strings.Contains(err.Error(), "s3cret")) {
			t.Errorf("%s: %v", c.name, err)
		}
		if err != nil {
			continue
		}
		works(t, q, 1)
		if err := q.Close(); err != nil {
			t.Error(err)
		}
	}
	if _, err := queue.Open(within(t), "redis://:s3cret@127.0.0.1:"+port, "tls", quiet()); err == nil {
		t.Error("without TLS: no error")
	}
}

// certificate makes a key pair that vouches for itself, as files.
func certificate(t *testing.T) (certFile, keyFile string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "redis"}, NotBefore: time.Unix(0, 0), NotAfter: time.Unix(1<<33, 0),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	write := func(name, kind string, der []byte) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	return write("cert.pem", "CERTIFICATE", der), write("key.pem", "PRIVATE KEY", secret)
}

// leastACL is what a user of Redis must be allowed: docs/deploy.md names it.
var leastACL = []any{"~asynq:*", "~tidings:*", "&asynq:*", "&tidings:*", "+@all", "-@admin", "-@dangerous", "+info"}

// A user who may touch our keys and channels alone is enough.
func TestLeastACL(t *testing.T) {
	t.Parallel()
	needsRedis(t)
	port := freePort(t)
	ownRedis(t, port, "--port", port)
	admin := redis.NewClient(&redis.Options{Addr: "127.0.0.1:" + port, DisableIdentity: true})
	defer admin.Close()
	if err := admin.Do(within(t), append([]any{"ACL", "SETUSER", "tidings", "on", ">s3cret", "resetkeys", "resetchannels"}, leastACL...)...).Err(); err != nil {
		t.Fatal(err)
	}
	q, err := queue.Open(within(t), "redis://tidings:s3cret@127.0.0.1:"+port, "acl", quiet())
	if err != nil {
		t.Fatal(err)
	}
	defer q.Close()
	works(t, q, 1)
	if _, err := q.Epoch(within(t)); err != nil {
		t.Error(err)
	}
	if n, err := q.Pending(within(t)); n != 0 || err != nil {
		t.Error(n, err)
	}
	log, err := admin.ACLLog(within(t), 10).Result()
	if err != nil || len(log) > 0 {
		t.Errorf("refused: %+v, %v", log, err)
	}
}

// A task whose data Redis has thrown away is lost, and its name with it: putting
// the same slice in again brings nothing. Its messages come again under another
// slice, which does.
func TestZombieTask(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, e engine) {
		if e.url == "" {
			return // the embedded one never evicts
		}
		q := e.open(t)
		mustEnqueue(t, q, campaign.LaneBulk, 1)
		if err := q.Evict(within(t), 1); err != nil {
			t.Fatal(err)
		}
		got := make(chan int64, 3)
		mustServe(t, q, queue.Handlers{Bulk: collect(got)})
		for ctx := within(t); ; { // until it has been dequeued
			n, err := q.Pending(ctx)
			if err != nil {
				t.Fatal(err)
			}
			if n == 0 {
				break
			}
		}
		mustEnqueue(t, q, campaign.LaneBulk, 1)
		mustEnqueue(t, q, campaign.LaneBulk, 2)
		if n := receive(t, got); n != 2 {
			t.Errorf("slice %d", n)
		}
	})
}

// A Redis that is full refuses tasks with an error and keeps those it has; with
// room again it goes on where it was.
func TestFull(t *testing.T) {
	t.Parallel()
	needsRedis(t)
	port := freePort(t)
	ownRedis(t, port, "--port", port, "--maxmemory-policy", "noeviction")
	admin := redis.NewClient(&redis.Options{Addr: "127.0.0.1:" + port, DisableIdentity: true})
	defer admin.Close()
	q, err := queue.Open(within(t), "redis://127.0.0.1:"+port, "full", quiet())
	if err != nil {
		t.Fatal(err)
	}
	defer q.Close()
	mustEnqueue(t, q, campaign.LaneBulk, 1)
	if err := admin.ConfigSet(within(t), "maxmemory", "1").Err(); err != nil {
		t.Fatal(err)
	}
	if err := q.Enqueue(within(t), campaign.LaneBulk, 2); err == nil {
		t.Error("a full Redis took a task")
	}
	got := make(chan int64, 3)
	mustServe(t, q, queue.Handlers{Bulk: collect(got)})
	if err := admin.ConfigSet(within(t), "maxmemory", "0").Err(); err != nil {
		t.Fatal(err)
	}
	if n := receive(t, got); n != 1 {
		t.Errorf("slice %d", n)
	}
	mustEnqueue(t, q, campaign.LaneBulk, 2)
	if n := receive(t, got); n != 2 {
		t.Errorf("slice %d", n)
	}
}

// A server that ends and comes back, empty, is worked from again without a
// restart of ours, and shows by its epoch that its tasks are gone.
func TestRestart(t *testing.T) {
	t.Parallel()
	needsRedis(t)
	port := freePort(t)
	stop := ownRedis(t, port, "--port", port)
	q, err := queue.Open(within(t), "redis://127.0.0.1:"+port, "restart", quiet())
	if err != nil {
		t.Fatal(err)
	}
	defer q.Close()
	got := make(chan int64, 3)
	mustServe(t, q, queue.Handlers{Bulk: collect(got)})
	before, err := q.Epoch(within(t))
	if err != nil {
		t.Fatal(err)
	}
	stop()
	if err := q.Enqueue(within(t), campaign.LaneBulk, 1); err == nil {
		t.Error("a task was taken by nobody")
	}
	ownRedis(t, port, "--port", port)
	var after string
	for ctx := within(t); ctx.Err() == nil; { // the client tries a server that was down once a second
		if after, err = q.Epoch(ctx); err == nil {
			break
		}
	}
	if err != nil || after == before {
		t.Errorf("epoch %q after %q, %v", after, before, err)
	}
	mustEnqueue(t, q, campaign.LaneBulk, 2)
	if n := receive(t, got); n != 2 {
		t.Errorf("slice %d", n)
	}
}
