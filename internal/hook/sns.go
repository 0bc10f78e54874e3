package hook

import (
	"context"
	"crypto"
	"crypto/rsa"
	"crypto/sha1" // SNS's signature version 1, the default of its topics
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"tidings/internal/inbound"
)

// sns checks what Amazon SNS delivers. Anybody with an account at Amazon can have
// SNS sign and send, so only topics that are named are heard; and what SNS tells us
// to fetch is fetched only from the hosts of SNS in the topic's own region.
type sns struct {
	topics []string
	certs  *certificates
}

var topicARN = regexp.MustCompile(`^arn:(aws|aws-cn|aws-us-gov):sns:([a-z0-9-]{1,40}):\d{12}:[\w-]{1,256}(\.fifo)?$`)

func newSNS(list []string, fetch Fetcher) (provider, error) {
	for i, arn := range list {
		if !topicARN.MatchString(arn) {
			return nil, fmt.Errorf("topic %d is %q; write the topic's ARN, as arn:aws:sns:eu-west-1:123456789012:ses-events", i+1, arn)
		}
	}
	return sns{list, &certificates{fetch: fetch}}, nil
}

// host is the only one that SNS's addresses of a topic may name.
func snsHost(arn string) string {
	m := topicARN.FindStringSubmatch(arn)
	if m[1] == "aws-cn" {
		return "sns." + m[2] + ".amazonaws.com.cn"
	}
	return "sns." + m[2] + ".amazonaws.com"
}

// trustedURL tells whether an address is one of SNS's own of the topic's region.
func trustedURL(address, arn string) bool {
	u, err := url.Parse(address)
	return err == nil && u.Scheme == "https" && u.User == nil && u.Opaque == "" && u.Host == snsHost(arn)
}

// snsMessage is the body of a call.
type snsMessage struct {
	Type         string `json:"Type"`
	MessageID    string `json:"MessageId"`
	Topic        string `json:"TopicArn"`
	Subject      string `json:"Subject"`
	Message      string `json:"Message"`
	Timestamp    string `json:"Timestamp"`
	Version      string `json:"SignatureVersion"`
	Signature    string `json:"Signature"`
	CertURL      string `json:"SigningCertURL"`
	SubscribeURL string `json:"SubscribeURL"`
	Token        string `json:"Token"`
}

// signed is the text that SNS signs.
func (m snsMessage) signed() string {
	fields := [][2]string{{"Message", m.Message}, {"MessageId", m.MessageID}}
	if m.Type == "Notification" {
		if m.Subject != "" {
			fields = append(fields, [2]string{"Subject", m.Subject})
		}
	} else {
		fields = append(fields, [2]string{"SubscribeURL", m.SubscribeURL})
	}
	fields = append(fields, [2]string{"Timestamp", m.Timestamp})
	if m.Type != "Notification" {
		fields = append(fields, [2]string{"Token", m.Token})
	}
	fields = append(fields, [2]string{"TopicArn", m.Topic}, [2]string{"Type", m.Type})
	var b strings.Builder
	for _, f := range fields {
		b.WriteString(f[0] + "\n" + f[1] + "\n")
	}
	return b.String()
}

func (sns) greet(*http.Request) error { return nil }

// SNS tries a call for an hour at most, signed once.
const snsWindow = 2 * time.Hour

func (s sns) open(ctx context.Context, c call) (opened, error) {
	var m snsMessage
	if err := json.Unmarshal(c.body, &m); err != nil || !slices.Contains(s.topics, m.Topic) {
		return opened{}, errUnsigned
	}
	at, err := time.Parse(time.RFC3339, m.Timestamp)
	if err != nil || !near(at, c.at, snsWindow) {
		return opened{}, errStale
	}
	if err := s.verify(ctx, m, c.at); err != nil {
		return opened{}, err
	}
	switch m.Type {
	case "Notification":
		reports, err := parseSES([]byte(m.Message))
		if err == nil && len(reports) == 1 && reports[0].Event == "Received" {
			mail, ok, err := sesMail([]byte(m.Message))
			if err != nil || ok {
				return opened{mails: []received{mail}}, err
			}
			reports[0].Event = "Received without content"
		}
		return opened{reports: reports}, err
	case "SubscriptionConfirmation":
		return s.confirm(ctx, m)
	}
	// The end of a subscription: nobody has to answer, and we don't take it back.
	return opened{reports: []Report{{Event: m.Type, Kind: inbound.Other}}}, nil
}

// verify checks the signature by the certificate that the message names.
func (s sns) verify(ctx context.Context, m snsMessage, now time.Time) error {
	signature, err := base64.StdEncoding.DecodeString(m.Signature)
	if err != nil || !trustedURL(m.CertURL, m.Topic) || !strings.HasSuffix(m.CertURL, ".pem") || strings.ContainsAny(m.CertURL, "?#") {
		return errUnsigned
	}
	var hash crypto.Hash
	var sum []byte
	switch text := []byte(m.signed()); m.Version {
	case "1":
		one := sha1.Sum(text)
		hash, sum = crypto.SHA1, one[:]
	case "2":
		two := sha256.Sum256(text)
		hash, sum = crypto.SHA256, two[:]
	default:
		return errUnsigned
	}
	key, err := s.certs.key(ctx, m.CertURL, now)
	if err != nil {
		return err
	}
	if rsa.VerifyPKCS1v15(key, hash, sum, signature) != nil {
		return errUnsigned
	}
	return nil
}

// confirm tells SNS that the topic's messages are wanted here.
func (s sns) confirm(ctx context.Context, m snsMessage) (opened, error) {
	u, err := url.Parse(m.SubscribeURL)
	if err != nil || !trustedURL(m.SubscribeURL, m.Topic) || u.Query().Get("Action") != "ConfirmSubscription" || u.Query().Get("TopicArn") != m.Topic {
		return opened{}, errUnsigned
	}
	if _, err := fetch(ctx, s.certs.fetch, m.SubscribeURL); err != nil {
		return opened{}, fmt.Errorf("confirm the subscription: %w", err)
	}
	return opened{reports: []Report{{Event: m.Type, Kind: inbound.Other}}}, nil
}
