package orderfile

import (
	"encoding/json"
	"strconv"
	"strings"
	"time"

	"cloudpay/internal/bilingual"
	"cloudpay/internal/order"
	"cloudpay/internal/schedule"
)

// parseJSON reads an object a line: an order's parameters, or a registered order as `orders list
// --json` prints it.
func parseJSON(line string) (p parsed, header bool, err error) {
	p.row = ownObject(line)
	if !strings.HasPrefix(strings.TrimSpace(p.row), "{") {
		return p, false, &lineError{wholeLine, bilingual.New(`must be a JSON object such as {"out_trade_no":"A1","close_at":1800}`,
			`须为 JSON 对象，如 {"out_trade_no":"A1","close_at":1800}`)}
	}
	if strings.Contains(p.row, `"registeredAt"`) {
		return p, false, p.exported()
	}
	r := order.Reader{Registering: true}
	if fault := r.Object(wholeLine, []byte(p.row)); fault != nil {
		p.Params = r.Params
		return p, false, &lineError{fault.Field, fault.Rule}
	}
	p.Params = r.Params
	return p, false, nil
}

// exported reads a registered order, to be registered again as it was: close_at in seconds counts
// from its new registration. One that has ended is refused.
func (p *parsed) exported() error {
	var r Record
	d := json.NewDecoder(strings.NewReader(p.row))
	d.DisallowUnknownFields() // a misspelt closeAt must not be passed over
	if err := d.Decode(&r); err != nil {
		return &lineError{wholeLine, bilingual.Sprintf("is not an order as `cloudpay orders list --json` prints it: %v",
			"不是 `cloudpay orders list --json` 输出的订单：%v", err)}
	}
	p.region, p.mchid = r.Region, r.MchID
	p.Params = order.Params{
		OutTradeNo: r.OutTradeNo, SubMchID: r.SubMchID, SubAppID: r.SubAppID, API: r.API,
		CreatedAt: r.CreatedAt, Owner: r.Owner, Total: r.Total,
	}
	switch {
	case r.Progress == schedule.Done || r.Progress == schedule.Withdrawn:
		return &lineError{"progress", bilingual.Sprintf("is %s: only orders that are still to be closed are registered",
			"为 %s：只登记尚待关单的订单", r.Progress)}
	case !r.CloseAt.IsZero() && r.CloseIn != nil:
		return &lineError{closeAt, bilingual.New("give either closeAt or closeIn, not both", "closeAt 与 closeIn 只能提供一个")}
	case !r.CloseAt.IsZero():
		p.CloseAt = r.CloseAt.Format(time.RFC3339Nano)
	case r.CloseIn != nil:
		p.CloseAt = strconv.FormatFloat(*r.CloseIn, 'f', -1, 64)
	}
	return nil
}

// reason is why a line was rejected, in front of the other keys of its object.
type reason struct {
	Line  int    `json:"line"`
	Field string `json:"field"`
	Rule  string `json:"rule"`
}

// rejectedKey is the key of the reason.
const rejectedKey = "rejected"

// withReason puts the reason in front of a row: into its object or, of a row that is none, into one
// of its own, which is to be removed with what follows it when the row is mended.
func withReason(why reason, row string) string {
	text, err := json.Marshal(map[string]reason{rejectedKey: why})
	if err != nil {
		return row // cannot be: numbers and texts always encode
	}
	if rest, is := strings.CutPrefix(row, "{"); is {
		return strings.TrimSuffix(string(text), "}") + "," + rest
	}
	return string(text) + " " + row
}

// ownObject is a row without the reason.
func ownObject(line string) string {
	if !strings.Contains(line, `"`+rejectedKey+`"`) {
		return line
	}
	d := json.NewDecoder(strings.NewReader(line))
	for _, want := range []any{json.Delim('{'), rejectedKey} {
		if token, err := d.Token(); err != nil || token != want {
			return line
		}
	}
	var why json.RawMessage
	if err := d.Decode(&why); err != nil {
		return line
	}
	rest := strings.TrimSpace(line[d.InputOffset():])
	if own, is := strings.CutPrefix(rest, ","); is {
		return "{" + own
	}
	return strings.TrimPrefix(strings.TrimPrefix(rest, "}"), " ")
}
