package hook

import (
	"fmt"
	"strings"
	"testing"
)

// kindsOf are the words of each provider's documentation for what became of a mail,
// with what they come to when the receiving server's words say nothing.
var kindsOf = map[string]map[string]string{
	// Postmark's bounce types, and the other records of its webhooks.
	"postmark": {
		"HardBounce": "bounce hard", "BadEmailAddress": "bounce hard",
		"Transient": "bounce soft", "SoftBounce": "bounce soft", "DnsError": "bounce soft", "Unknown": "bounce soft", "Undeliverable": "bounce soft",
		"SpamNotification": "bounce policy", "VirusNotification": "bounce policy", "Blocked": "bounce policy", "DMARCPolicy": "bounce policy",
		"SpamComplaint": "complaint", "Unsubscribe": "unsubscribe",
		"Subscribe": "other", "AutoResponder": "other", "AddressChange": "other", "OpenRelayTest": "other", "ChallengeVerification": "other",
		"ManuallyDeactivated": "other", "Unconfirmed": "other", "SMTPApiError": "other", "InboundError": "other", "TemplateRenderingFailed": "other",
		"OfNextYear": "",
	},
	"ses": {
		"Permanent/General": "bounce hard", "Permanent/NoEmail": "bounce hard", "Permanent/Suppressed": "bounce hard", "Permanent/OnAccountSuppressionList": "bounce hard",
		"Permanent/UnsubscribedRecipient": "unsubscribe",
		"Undetermined/Undetermined":       "bounce soft",
		"Transient/General":               "bounce soft", "Transient/MailboxFull": "bounce soft", "Transient/CustomTimeoutExceeded": "bounce soft", "Transient/MessageTooLarge": "bounce soft",
		"Transient/ContentRejected": "bounce policy", "Transient/AttachmentRejected": "bounce policy",
	},
	// Resend hands SES's words on.
	"resend": {
		"Permanent/General": "bounce hard", "Permanent/NoEmail": "bounce hard", "Permanent/Suppressed": "bounce hard", "Permanent/OnAccountSuppressionList": "bounce hard",
		"Undetermined/Undetermined": "bounce soft",
		"Transient/General":         "bounce soft", "Transient/MailboxFull": "bounce soft", "Transient/MessageTooLarge": "bounce soft",
		"Transient/ContentRejected": "bounce policy", "Transient/AttachmentRejected": "bounce policy",
		"email.suppressed": "bounce hard", "email.failed": "bounce policy", "email.complained": "complaint", "email.delivered": "delivered",
		"email.sent": "other", "email.scheduled": "other", "email.delivery_delayed": "other", "email.opened": "other", "email.clicked": "other",
		"email.of_next_year": "",
	},
	// SendGrid's events, a bounce's types, and the reasons of a drop.
	"sendgrid": {
		"bounce/bounce": "bounce hard", "bounce/blocked": "bounce soft", "bounce/expired": "bounce soft",
		"dropped/Bounced Address": "bounce hard", "dropped/Invalid": "bounce hard",
		"dropped/Unsubscribed Address": "unsubscribe", "dropped/Spam Reporting Address": "complaint",
		"dropped/Invalid SMTPAPI header": "bounce policy", "dropped/Spam Content (if Spam Checker app is enabled)": "bounce policy", "dropped/Recipient List over Package Quota": "bounce policy",
		"delivered": "delivered", "spamreport": "complaint", "unsubscribe": "unsubscribe", "group_unsubscribe": "unsubscribe",
		"processed": "other", "deferred": "other", "open": "other", "click": "other", "group_resubscribe": "other", "of_next_year": "",
	},
	// Mailgun's events, with the severity and the reason of a failure.
	"mailgun": {
		"failed/permanent/bounce": "bounce hard", "failed/permanent/suppress-bounce": "bounce hard",
		"failed/permanent/suppress-unsubscribe": "unsubscribe", "failed/permanent/suppress-complaint": "complaint",
		"failed/permanent/generic": "bounce soft", "failed/permanent/old": "bounce soft", "failed/permanent/espblock": "bounce soft", "failed/permanent/greylisted": "bounce soft",
		"failed/temporary/generic": "other", "failed/temporary/greylisted": "other",
		"delivered": "delivered", "complained": "complaint", "unsubscribed": "unsubscribe", "rejected": "bounce policy",
		"accepted": "other", "opened": "other", "clicked": "other", "stored": "other", "list_member_uploaded": "other", "of_next_year": "",
	},
	"brevo": {
		"hard_bounce": "bounce hard", "invalid_email": "bounce hard", "soft_bounce": "bounce soft", "blocked": "bounce soft", "error": "bounce policy",
		"spam": "complaint", "complaint": "complaint", "unsubscribed": "unsubscribe", "unsubscribe": "unsubscribe", "delivered": "delivered",
		"request": "other", "sent": "other", "deferred": "other", "opened": "other", "unique_opened": "other", "proxy_open": "other", "unique_proxy_open": "other", "click": "other",
		"of_next_year": "",
	},
}

// kindBody is a call of a provider about one of its words, and the parts behind it; said
// is what the receiving server has said.
func kindBody(provider, word, said string) string {
	p := append(strings.Split(word, "/"), "", "")
	switch provider {
	case "postmark":
		return fmt.Sprintf(`{"RecordType":"Bounce","Type":%q,"Email":"ana@shop.example","MessageID":"m","Details":%q}`, word, said)
	case "ses":
		return fmt.Sprintf(`{"notificationType":"Bounce","bounce":{"feedbackId":"f","bounceType":%q,"bounceSubType":%q,"bouncedRecipients":[{"emailAddress":"ana@shop.example","diagnosticCode":%q}]}}`, p[0], p[1], said)
	case "resend":
		if strings.HasPrefix(word, "email.") {
			return fmt.Sprintf(`{"type":%q,"data":{"to":["ana@shop.example"]}}`, word)
		}
		return fmt.Sprintf(`{"type":"email.bounced","data":{"to":["ana@shop.example"],"bounce":{"type":%q,"subType":%q,"message":%q}}}`, p[0], p[1], said)
	case "sendgrid":
		if p[0] == "dropped" {
			said = p[1]
		}
		return fmt.Sprintf(`[{"event":%q,"type":%q,"reason":%q,"email":"ana@shop.example","sg_event_id":"e"}]`, p[0], p[1], said)
	case "mailgun":
		return fmt.Sprintf(`{"event-data":{"event":%q,"severity":%q,"reason":%q,"id":"i","recipient":"ana@shop.example","delivery-status":{"message":%q}}}`, p[0], p[1], p[2], said)
	}
	return fmt.Sprintf(`{"event":%q,"email":"ana@shop.example","reason":%q}`, word, said)
}

func taken(t *testing.T, provider, word, said string) string {
	t.Helper()
	reports, err := parsers[provider]([]byte(kindBody(provider, word, said)))
	if err != nil || len(reports) != 1 {
		t.Fatalf("%s, %s: %v, %v", provider, word, reports, err)
	}
	return strings.TrimSpace(string(reports[0].Kind) + " " + string(reports[0].Bounced.Class))
}

// Each word of each provider comes to what its documentation says that it means.
func TestKinds(t *testing.T) {
	t.Parallel()
	for provider, kinds := range kindsOf {
		for word, want := range kinds {
			if got := taken(t, provider, word, ""); got != want {
				t.Errorf("%s, %s: %q, want %q", provider, word, got, want)
			}
		}
	}
}

// What a provider would try again, and what it calls policy, kills no address, whatever
// the server has said; and what the server says of policy is none of the address.
func TestKindsAgainstTheServersWords(t *testing.T) {
	t.Parallel()
	for provider, kinds := range kindsOf {
		for word, want := range kinds {
			if !strings.HasPrefix(want, "bounce") {
				continue
			}
			if got := taken(t, provider, word, "550 5.1.1 <ana@shop.example>: user unknown"); want != "bounce hard" && got == "bounce hard" && !unjudged[provider+" "+word] {
				t.Errorf("%s, %s with an unknown user: %q, alone it is %q", provider, word, got, want)
			}
			if got := taken(t, provider, word, "550 5.7.26 unauthenticated mail is not accepted"); got == "bounce hard" && !untried[word] {
				t.Errorf("%s, %s with a refusal for policy: %q", provider, word, got)
			}
		}
	}
}

// untried are refusals of the provider itself, for what became of an earlier mail: what
// it repeats of a server's words is no server's answer to this one.
var untried = map[string]bool{
	"Permanent/Suppressed": true, "Permanent/OnAccountSuppressionList": true, "email.suppressed": true,
	"dropped/Bounced Address": true, "dropped/Invalid": true, "failed/permanent/suppress-bounce": true,
}

// unjudged are failures for good of which the provider does not say whether the address
// is dead: the server does.
var unjudged = map[string]bool{
	"mailgun failed/permanent/generic": true, "mailgun failed/permanent/old": true, "mailgun failed/permanent/espblock": true, "mailgun failed/permanent/greylisted": true,
}
