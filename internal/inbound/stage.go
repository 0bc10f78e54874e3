package inbound

import (
	"regexp"
	"strings"
)

// stage is the point of the dialogue at which a server refused, as far as a notice
// tells.
type stage string

const (
	stageUnknown stage = ""
	stageConnect stage = "connect"
	stageMail    stage = "mail"
	stageRcpt    stage = "rcpt"
	stageData    stage = "data" // DATA, the content or its final dot
)

// stages are how mail programs say it.
var stages = []struct {
	stage stage
	in    *regexp.Regexp
}{
	{stageConnect, regexp.MustCompile(`after initial connection|refused to talk to me|in reply to (ehlo|helo)|while (performing the )?(ehlo|helo)|initial server greeting|after (ehlo|helo)\b|said: .{0,80}\(in reply to (ehlo|helo|initial)`)},
	{stageMail, regexp.MustCompile(`in reply to mail from|after (pipelined )?mail from|>>> mail from:?<[^>]*>[^<>]{0,40}<<< [45]|\[mail_?from\]|smtp:mail\b|does not like (the )?sender`)},
	{stageRcpt, regexp.MustCompile(`in reply to rcpt to|after (pipelined )?rcpt to|>>> rcpt to:? ?<[^>]*>\s*(notify=\S+ |orcpt=\S+ )*<<< [45]|\[rcpt_?to\]|smtp:rcpt\b|does not like recipient|command was: rcpt|>>> rcpt to`)},
	{stageData, regexp.MustCompile(`in reply to (end of )?data|after (end of|pipelined)? ?data|>>> data <<< [45]|after i sent the message|\[data\]|\[eob\]|\((end of )?data\)|smtp:data\b|-smtp command data`)},
}

// stageOf finds where a notice says that its mail was refused.
func stageOf(text string) stage {
	text = strings.ToLower(squeeze(text))
	for _, s := range stages {
		if s.in.MatchString(text) {
			return s.stage
		}
	}
	return stageUnknown
}

var (
	// saysUnknown are words of which no more can be had than that they were said.
	saysUnknown = regexp.MustCompile(`\b(user unknown|unknown user|no such user)\b|doesn't have an? \S* ?account|account that you tried to reach does not exist`)
	// surelyUnknown are those that only one says who has looked.
	surelyUnknown = regexp.MustCompile(`[45]\d\d[ -]<[^>]+>: user unknown|unknown user: \S+@|delivery error: dd |not (listed|found|recogni[sz]ed)|no valid recipients|mailbox unavailable|recipient address rejected: access denied|does not like recipient`)
	ofAddress     = regexp.MustCompile(`^[45]\.(1\.(0|1|2|3|4|6|10)|4\.1)$`)
)

// weighed is a reason in the light of the stage. Servers that filter for their
// users say "unknown user" too, once they have seen the content: what was said
// then, or at no known stage and without a status that names the address, is not
// enough to give an address up. It counts with others of its kind.
func weighed(r Reason, status, said, all string) Reason {
	at := stageOf(all)
	switch {
	case at == stageMail && (r == UnknownUser || r == UnknownHost || r == Filtered || r == Unclear):
		return SenderRefused
	case at == stageConnect && (r == Filtered || r == Unclear || r == Throttled || r == Network || r == System):
		return Blocked
	case r != UnknownUser:
		return r
	case ofAddress.MatchString(status), at == stageRcpt:
		return r
	}
	text := strings.ToLower(squeeze(all))
	sure := surelyUnknown.MatchString(text)
	if saysUnknown.MatchString(strings.ToLower(squeeze(said))) && (!sure || at == stageData && !strings.Contains(text, "delivery error: dd ")) {
		return Filtered
	}
	return r
}
