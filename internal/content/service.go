package content

import (
	_ "embed"
	"fmt"
	"slices"

	"tidings/internal/campaign"
)

// serviceText is the campaign of the mails that customers ask for on their pages. It
// is written as any other, and no file of the workspace can bear its name.
//
//go:embed service/campaign.yaml
var serviceText string

// serviceTemplates are the templates that it sends. A workspace that has one of
// these names writes that mail itself.
var serviceTemplates = []string{campaign.ServiceLink, campaign.ServiceConfirm, campaign.ServiceAddress}

// service makes the campaign, in the name of the workspace's default sender or else
// of the first by name. Without any there is nobody to write it: nil.
func service(w *workspaceFiles) *campaign.Campaign {
	ws := &w.workspace.workspace
	from := ws.Defaults.From
	if _, known := ws.Senders[from]; !known {
		names := sorted(ws.Senders)
		if len(names) == 0 {
			return nil
		}
		from = names[0]
	}
	ps := newProblems()
	s := ps.parse("tidings/service.yaml", serviceText, ws.Zone)
	s.terms = w.workspace.terms
	f := decodeCampaign(s, campaign.ServiceCampaign, nil)
	defaultCampaign(f, ws)
	if ps.fatal() {
		panic(fmt.Sprintf("the service campaign: %v", ps.list)) // a fault of the build
	}
	f.campaign.From, f.campaign.UTM, f.campaign.Goal = from, nil, nil
	return f.campaign
}

// isService tells whether a template is one of service mails.
func isService(template string) bool { return slices.Contains(serviceTemplates, template) }
