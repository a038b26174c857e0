package desk

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"

	"cloudpay/internal/bilingual"
)

// scenario is everything that goes wrong in both worlds, as GET /scenario shows it and POST
// /scenario takes it. Each part is in the form of the world that it is about; one that is left out
// stands for a world in which all is well.
type scenario struct {
	// WeChatPay is what paygate's SetScenario takes: faults, shares of signatures, domains.
	WeChatPay json.RawMessage `json:"wechatpay,omitempty"`
	// Cloud is what platform's SetScenario takes: faults. It is absent where there is no cloud.
	Cloud json.RawMessage `json:"cloud,omitempty"`
}

// maxScenario bounds a scenario, in bytes: a thousand faults.
const maxScenario = 256 << 10

// Scenario returns what goes wrong now: the faults of WeChat Pay and of the cloud, the shares of
// signatures, and which domain is down.
func (d *Desk) Scenario() []byte {
	s := scenario{WeChatPay: d.Gateway.Scenario()}
	if running := d.traffic.cloud.Load(); running != nil {
		s.Cloud = running.Scenario()
	}
	text, _ := json.MarshalIndent(s, "", "  ") // both parts are JSON
	return append(text, '\n')
}

// SetScenario replaces all that goes wrong in both worlds. Faults of the cloud without a cloud are
// an error. The error is the world's own sentence, in English, and nothing has changed then.
func (d *Desk) SetScenario(text []byte) error {
	d.scenes.Lock()
	defer d.scenes.Unlock()
	s, err := readScenario(text)
	if err != nil {
		return err
	}
	running := d.traffic.cloud.Load()
	switch {
	case running == nil && s.hasCloud():
		return bilingual.Errorf("cloud: there is no cloud here", "cloud：此处没有云")
	case running == nil:
		return prefixed("wechatpay", d.Gateway.SetScenario(orNothing(s.WeChatPay)))
	}
	// The cloud is set first, and set back if the gateway refuses its part. A call between the two
	// may meet the new faults of one world and the old ones of the other.
	before := running.Scenario()
	if err := running.SetScenario(orNothing(s.Cloud)); err != nil {
		return prefixed("cloud", err)
	}
	if err := d.Gateway.SetScenario(orNothing(s.WeChatPay)); err != nil {
		// What was there before is right. A function that was taken away since cannot be named by a
		// fault that is still to come.
		_ = running.SetScenario(before)
		return prefixed("wechatpay", err)
	}
	return nil
}

// readScenario decodes a scenario. Its parts are for their worlds to read.
func readScenario(text []byte) (s scenario, err error) {
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&s); err != nil {
		return s, bilingual.Errorf(`it must be {"wechatpay":{…},"cloud":{…}}, as GET /scenario answers it: %w`,
			`须为 {"wechatpay":{…},"cloud":{…}}，即 GET /scenario 的应答：%w`, err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return s, bilingual.Errorf("it must be one JSON object and nothing after it", "须为单个 JSON 对象，其后不含任何内容")
	}
	return s, nil
}

// hasCloud reports whether something is to go wrong in the cloud.
func (s scenario) hasCloud() bool {
	// What cannot be read may have some, and is refused with the rest.
	var cloud struct {
		Faults []json.RawMessage `json:"faults"`
	}
	err := json.Unmarshal(orNothing(s.Cloud), &cloud)
	return err != nil || len(cloud.Faults) > 0
}

// orNothing is a part of a scenario; an empty object where it is left out.
func orNothing(part json.RawMessage) []byte {
	if len(part) == 0 {
		return []byte("{}")
	}
	return part
}

// prefixed says in which part of a scenario the fault is.
func prefixed(part string, err error) error {
	if err == nil {
		return nil
	}
	return bilingual.Errorf("%s: %w", "%s：%w", part, err)
}

// serveScenario is the calls of the management API about the scenario. Both answer the scenario as
// it is then.
//
//	GET /scenario     200
//	POST /scenario    200; 400 with what is wrong, and nothing has changed
func (d *Desk) serveScenario(w http.ResponseWriter, r *http.Request) {
	switch r.Method {
	case http.MethodGet, http.MethodHead:
	case http.MethodPost:
		text, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxScenario))
		if err == nil {
			err = d.SetScenario(text)
		}
		if err != nil {
			answerError(w, http.StatusBadRequest, err)
			return
		}
	default:
		w.Header().Set("Allow", "GET, POST")
		answerError(w, http.StatusMethodNotAllowed, bilingual.Errorf("a scenario has GET and POST", "场景只支持 GET 与 POST"))
		return
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	_, _ = w.Write(d.Scenario()) // the caller may have gone
}

// answerError answers an error in the management API's form, in English.
func answerError(w http.ResponseWriter, status int, err error) {
	text, _ := json.Marshal(map[string]string{"error": bilingual.Wording(err).EN}) // a string is always encoded
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write(append(text, '\n')) // the caller may have gone
}
