package console

import (
	"context"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"

	"cloudpay/internal/bilingual"
)

// The page shows two tables of buttons, one for each world, and a row of fields that say more of
// the fault that a button switches on. Which buttons there are follows from the lists of actions
// that the management APIs have, and which are pressed from the faults that are still to come.
// Several faults of one action may differ in the rest: their button is pressed while there is one
// of them, and the list above the tables has each.

// gatewayFault is a fault of WeChat Pay, as its management API takes and shows it
// (docs/emulator.md, "Faults").
type gatewayFault struct {
	// ID removes it; 0 in a fault that is injected.
	ID int64 `json:"id,omitempty"`
	// Match says which requests it meets; an empty member is for all.
	Match struct {
		Op    string `json:"op,omitempty"`
		API   string `json:"api,omitempty"`
		Order string `json:"out_trade_no,omitempty"`
	} `json:"match"`
	Action string `json:"action"`
	// Times is how often it will still happen; 0: until it is removed.
	Times int `json:"times,omitempty"`
	// Probability is the share of what it could meet; 0: all. Seed makes the draws repeatable; 0:
	// the gateway's own.
	Probability float64 `json:"probability,omitempty"`
	Seed        uint64  `json:"seed,omitempty"`
	// Code, HTTPStatus and Delay are for the actions that read them.
	Code       string `json:"code,omitempty"`
	HTTPStatus int    `json:"http_status,omitempty"`
	Delay      string `json:"delay,omitempty"`
}

// cloudFault is a fault of the cloud ("Faults of the cloud"). Its members are as those above.
type cloudFault struct {
	ID int64 `json:"id,omitempty"`
	// Function is that which is called; empty: any.
	Function    string  `json:"function,omitempty"`
	Action      string  `json:"action"`
	Times       int     `json:"times,omitempty"`
	Probability float64 `json:"probability,omitempty"`
	Seed        uint64  `json:"seed,omitempty"`
	Delay       string  `json:"delay,omitempty"`
}

// faultAction is what an action can be injected with. Ops is empty in the cloud.
type faultAction struct {
	Action string `json:"action"`
	// Ops are the operations that it can be for.
	Ops []string `json:"ops"`
	// Fields are those that it reads besides: code, http_status, delay.
	Fields []string `json:"fields"`
}

// signing are the shares of replies that are signed otherwise than asked.
type signing struct {
	// CertificateShare and PublicKeyShare are of the replies that the other key should sign, and
	// ProbeShare is of all.
	CertificateShare    float64 `json:"certificate_share"`
	PublicKeyShare      float64 `json:"public_key_share"`
	ProbeShare          float64 `json:"probe_share"`
	NotifyByCertificate bool    `json:"notify_by_certificate"`
}

// The worlds that a fault can be in, as forms name them.
const (
	inWeChatPay = "wechatpay"
	inCloud     = "cloud"
)

// faultCell is an action for an operation, or for a function.
type faultCell struct {
	// Can says that there is such a fault, and On that it is switched on.
	Can, On bool
	// Press is what a form sends to switch it, and Name what it is for.
	Press, Name string
	// ID names the button, so that it keeps the focus when the table is read again.
	ID string
	// Pressed says that this was the last one, which keeps the focus.
	Pressed bool
}

// faultRow is an action with its cells, one for each column.
type faultRow struct {
	Action string
	Cells  []faultCell
}

// faultTable is what can be switched on in one world.
type faultTable struct {
	World string
	// Columns are operations, or functions, of which an empty name is any.
	Columns []string
	// Rows have as many cells as there are columns.
	Rows []faultRow
}

// shownFault is a fault that is switched on, in words.
type shownFault struct {
	activeFault

	// World and ID name it to the form that removes it; an ID of 0 is a fault of the event sink,
	// which are removed together only.
	World string
	ID    int64
	// Share is in per cent; 0: always. Seed is that of the draws; 0: the gateway's.
	Share float64
	Seed  uint64
	// More are the fields that its action reads.
	More string
}

// faultForm is what was typed beside the tables, so that the next fault can be alike.
type faultForm struct {
	API, Order, Times, Probability, Seed, Code, HTTPStatus, Delay string
}

// faultsView is the page of the faults.
type faultsView struct {
	done

	Form faultForm
	// APIs are the protocols to choose from.
	APIs []string
	// Tables are WeChat Pay's and the cloud's, and On what is switched on in both and in the sink.
	Tables []faultTable
	// On are in the order in which a request meets them.
	On []shownFault
	// Main and Backup say that a domain is up.
	Main, Backup bool
	Signing      signing
	// HasSink says that there is an event sink.
	HasSink bool
	// Examples are the calls of the page's forms.
	FaultCurl, DomainCurl, SigningCurl, SinkCurl, SaveCurl, LoadCurl string

	pressed string
}

// showFaults shows what goes wrong, and what could.
func (c *Console) showFaults(w http.ResponseWriter, r *http.Request) {
	c.faultsPage(w, r, faultsView{Form: faultForm{Probability: "1", Code: "SYSTEM_ERROR", Delay: "2s"}})
}

// faultsPage answers the page, with what an action did. Everything on it is read anew.
func (c *Console) faultsPage(w http.ResponseWriter, r *http.Request, page faultsView) {
	ctx := r.Context()
	v := newView(r, "faults", bilingual.New("Faults", "故障"))
	v.Back = "/faults" // a change of the language after an action does nothing again
	v.Live = withQuery("/stream", "show", "changes", "after", c.newest(ctx, c.sources()).String())
	page.APIs, page.HasSink = []string{"v3", "v2", "wxcloudrun"}, c.api.events != ""
	if err := c.readFaults(ctx, v, &page); err != nil {
		c.fail(w, r, v.Room, err)
		return
	}
	page.examples(c.api)
	v.Data = page
	c.render(w, r, page.status(), "faults", v)
}

// readFaults reads the tables, what is switched on, the domains and the shares.
func (c *Console) readFaults(ctx context.Context, v *view, page *faultsView) error {
	var (
		gateway []gatewayFault
		cloud   []cloudFault
		sink    []sinkFault
		domains map[string]string
		actions [2][]faultAction
		named   struct{ Functions []struct{ Name string } }
	)
	// The event sink comes last: a world may have none.
	reads := []struct {
		address string
		into    any
	}{
		{c.api.admin + "/faults", &gateway}, {c.api.cloud + "/v1/faults", &cloud}, {c.api.admin + "/fault-actions", &actions[0]},
		{c.api.cloud + "/v1/fault-actions", &actions[1]}, {c.api.admin + "/domains", &domains}, {c.api.admin + "/signing", &page.Signing},
		{c.api.cloud + "/v1/functions", &named}, {c.sinkFaults(), &sink},
	}
	if !page.HasSink {
		reads = reads[:len(reads)-1]
	}
	wrong := make([]error, len(reads))
	var all sync.WaitGroup
	for i, read := range reads {
		v.curl(read.address)
		all.Go(func() { _, wrong[i] = c.api.get(ctx, read.address, read.into) })
	}
	all.Wait()
	for _, err := range wrong {
		if err != nil {
			return err
		}
	}
	// A domain that is neither is as good as down.
	page.Main, page.Backup = domains["main"] == "up", domains["backup"] == "up"
	functions := []string{""}
	for _, function := range named.Functions {
		functions = append(functions, function.Name)
	}
	page.Tables = []faultTable{page.gatewayTable(actions[0], gateway), page.cloudTable(actions[1], functions, cloud)}
	page.On = slices.Concat(shownOfGateway(gateway), shownOfCloud(cloud), shownOfSink(sink))
	return nil
}

// gatewayTable has a column for each operation, in the order in which the actions name them.
func (page *faultsView) gatewayTable(actions []faultAction, on []gatewayFault) faultTable {
	table := faultTable{World: inWeChatPay}
	can, is := map[string]bool{}, map[string]bool{}
	for _, action := range actions {
		for _, op := range action.Ops {
			can[action.Action+" "+op] = true
			if !slices.Contains(table.Columns, op) {
				table.Columns = append(table.Columns, op)
			}
		}
	}
	// A fault for one order or one protocol presses its button, too: it is to be found by it.
	for _, fault := range on {
		is[fault.Action+" "+fault.Match.Op] = true
		if fault.Match.Op == "" { // it is for both of these
			is[fault.Action+" close"], is[fault.Action+" query"] = true, true
		}
	}
	table.Rows = page.rows(table, actions, can, is)
	return table
}

// cloudTable has a column for any function, and one for each.
func (page *faultsView) cloudTable(actions []faultAction, functions []string, on []cloudFault) faultTable {
	table := faultTable{World: inCloud, Columns: functions}
	can, is := map[string]bool{}, map[string]bool{}
	for _, action := range actions {
		for _, function := range functions {
			can[action.Action+" "+function] = true
		}
	}
	for _, fault := range on {
		is[fault.Action+" "+fault.Function] = true
	}
	table.Rows = page.rows(table, actions, can, is)
	return table
}

// rows are one for each action, those of two lists together.
func (page *faultsView) rows(table faultTable, actions []faultAction, can, is map[string]bool) (rows []faultRow) {
	for _, action := range actions {
		if slices.ContainsFunc(rows, func(row faultRow) bool { return row.Action == action.Action }) {
			continue
		}
		row := faultRow{Action: action.Action}
		for _, column := range table.Columns {
			name := action.Action + " " + column
			// The button says what it does, and not that it toggles: a page may be out of date.
			to := "on"
			if is[name] {
				to = "off"
			}
			cell := faultCell{Can: can[name], On: is[name], Press: table.World + " " + to + " " + name, Name: name}
			cell.ID = table.World + "-" + action.Action + "-" + column
			cell.Pressed = page.pressed == table.World+" "+name
			row.Cells = append(row.Cells, cell)
		}
		rows = append(rows, row)
	}
	return rows
}

// shownOfGateway are WeChat Pay's faults in words.
func shownOfGateway(faults []gatewayFault) (all []shownFault) {
	for _, f := range faults {
		status := ""
		if f.HTTPStatus != 0 {
			status = strconv.Itoa(f.HTTPStatus)
		}
		on := words(f.Match.API, f.Match.Op, f.Match.Order)
		all = append(all, shownFault{
			activeFault{bilingual.New("WeChat Pay", "微信支付"), f.Action, on, f.Times},
			inWeChatPay, f.ID, 100 * f.Probability, f.Seed, words(f.Code, status, f.Delay),
		})
	}
	return all
}

// shownOfCloud are the cloud's.
func shownOfCloud(faults []cloudFault) (all []shownFault) {
	for _, f := range faults {
		all = append(all, shownFault{
			activeFault{bilingual.New("cloud", "云"), f.Action, f.Function, f.Times}, inCloud, f.ID, 100 * f.Probability, f.Seed, f.Delay,
		})
	}
	return all
}

// shownOfSink are the event sink's, which have no action but to answer a status.
func shownOfSink(faults []sinkFault) (all []shownFault) {
	for _, f := range faults {
		all = append(all, shownFault{activeFault: activeFault{sinkName, strconv.Itoa(f.Status), "", f.Times}})
	}
	return all
}

// examples are what the forms call, as commands. What is to be changed in them is plain.
func (page *faultsView) examples(a *api) {
	post := func(address, body string) string { return curlOf(http.MethodPost, address, body) }
	page.FaultCurl = post(a.admin+"/faults", `{"match":{"op":"close"},"action":"drop","times":1,"probability":0.5,"seed":7}`)
	page.DomainCurl = post(a.admin+"/domains", `{"main":"down"}`)
	page.SigningCurl = post(a.admin+"/signing", `{"probe_share":0.05}`)
	page.SinkCurl = post(a.events+"/faults", `{"status":503,"times":2}`)
	page.SaveCurl = strings.Replace(curlOf(http.MethodGet, a.admin+"/scenario", ""), "curl", "curl -o scenario.json", 1)
	page.LoadCurl = "curl --data-binary @scenario.json " + quoted(a.admin+"/scenario")
}
