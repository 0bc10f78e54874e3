package render

import (
	"errors"

	"tidings/internal/campaign"
)

func hasErrors(ps []campaign.Problem) bool {
	for _, p := range ps {
		if p.Stops() {
			return true
		}
	}
	return false
}

// problemOf is an error as a problem of the workspace.
func problemOf(err error) campaign.Problem {
	var own *Error
	if errors.As(err, &own) {
		return campaign.Problem{File: own.File, Line: own.Line, Column: own.Column, Message: own.Message}
	}
	return campaign.Problem{File: "templates", Message: err.Error()}
}

// tidy orders problems and lists each once, however many mails share its file.
func tidy(ps []campaign.Problem) []campaign.Problem {
	campaign.SortProblems(ps)
	seen := map[campaign.Problem]bool{}
	var out []campaign.Problem
	for _, p := range ps {
		if !seen[p] {
			seen[p] = true
			out = append(out, p)
		}
	}
	return out
}
