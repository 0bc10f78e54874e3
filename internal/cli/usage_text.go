package cli

import (
	"regexp"
	"strings"

	"tidings/internal/campaign"
)

// parserWords are what the parser of the command line says in words of its own, and
// what is said to a person instead: what is wrong, and what to write.
var parserWords = []struct {
	pattern *regexp.Regexp
	say     func(m []string) string
}{
	{regexp.MustCompile(`^(--[\w-]+) must be one of (.*) but got "(.*)"$`), func(m []string) string {
		allowed := choices(m[2])
		return m[1] + " cannot be " + quoted(m[3]) + "; " + didYouMeanOr(m[3], allowed)
	}},
	{regexp.MustCompile(`^(--[\w-]+): expected \w+ value but got "(-\d+)" \(short flag\)`), func(m []string) string {
		return m[1] + " cannot be " + m[2] + "; write 0 or more"
	}},
	{regexp.MustCompile(`^(--[\w-]+): expected a valid \d+ bit u?int but got "(.*)"$`), func(m []string) string {
		return m[1] + " cannot be " + quoted(m[2]) + "; write a number, as in " + m[1] + " 20"
	}},
	{regexp.MustCompile(`^\[?<id>.*: expected a valid \d+ bit int but got "(.*)"$`), func(m []string) string {
		return quoted(m[1]) + " is no mail's id; write numbers, as `tidings queue` shows them"
	}},
	{regexp.MustCompile(`^(--[\w-]+): expected .* value but got "EOL"`), func(m []string) string {
		return m[1] + " needs a value behind it"
	}},
	{regexp.MustCompile(`^expected "<([\w-]+)>.*"$`), func(m []string) string {
		return "name a " + m[1]
	}},
}

// parserSays is an error of the command line's parser as a person can use it.
func parserSays(err error) string {
	text := err.Error()
	for _, w := range parserWords {
		if m := w.pattern.FindStringSubmatch(text); m != nil {
			return w.say(m)
		}
	}
	return text
}

// choices are the values in a parser's list, without the empty one.
func choices(list string) []string {
	var out []string
	for _, c := range strings.Split(list, ",") {
		if c = strings.Trim(c, `"`); c != "" {
			out = append(out, c)
		}
	}
	return out
}

// didYouMeanOr is the nearest of the values that are allowed, or all of them.
func didYouMeanOr(got string, allowed []string) string {
	if best := campaign.Nearest(got, allowed); best != "" {
		return "did you mean " + best + "?"
	}
	last := len(allowed) - 1
	return "write " + strings.Join(allowed[:last], ", ") + " or " + allowed[last]
}

func quoted(s string) string { return `"` + s + `"` }
