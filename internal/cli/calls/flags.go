package calls

import (
	"io"
	"os"
	"regexp"
	"strings"

	"cloudpay/internal/bilingual"
	"cloudpay/internal/emulator/desk"
)

// Named is a caller as the flags of invoke name it: --as, or the flags that were there before it.
type Named struct {
	// As is a caller in the words of [ParseCaller].
	As string
	// OpenID is a user's under AppID, and Service says that the service token comes with the call.
	OpenID, AppID string
	Service       bool
}

// plainID matches openids and appids: they become the values of headers.
var plainID = regexp.MustCompile(`^[0-9A-Za-z_-]{1,128}$`)

// Caller is who the flags name. On the real platform a caller cannot choose an identity; the
// emulated one takes it from headers, which these flags become.
//
// A flag that is given and empty, as by a variable that is not set, is an error: without a user the
// call would be an operator's.
func (n Named) Caller(given func(flag string) bool) (Caller, error) {
	for _, id := range []struct{ flag, value string }{{"openid", n.OpenID}, {"appid", n.AppID}} {
		if given(id.flag) && !plainID.MatchString(id.value) {
			return Caller{}, bilingual.Errorf("--%s: must be 1 to 128 of letters, digits, _ and -, not %q",
				"--%s：须为 1 至 128 个字母、数字、_ 或 -，而不是 %q", id.flag, id.value)
		}
	}
	switch {
	case given("as") && (n.OpenID != "" || n.Service):
		return Caller{}, bilingual.Errorf("--as: leave --openid, --appid and --service out with it", "--as：请勿与 --openid、--appid、--service 同用")
	case given("as"):
		as, err := ParseCaller(n.As)
		if err != nil {
			return Caller{}, bilingual.Errorf("--as: %w", "--as：%w", err)
		}
		return as, nil
	case n.AppID != "" && n.OpenID == "":
		return Caller{}, bilingual.Errorf("--appid: says whose user --openid is; give that too", "--appid：说明 --openid 属于哪个小程序；请同时提供 --openid")
	}
	as := Caller{}
	if n.OpenID != "" {
		as = User(n.OpenID, n.AppID)
	}
	// A call may come from a user and have the service token: the function decides which counts.
	if n.Service {
		as = as.WithServiceToken()
	}
	return as, nil
}

// ReadEvent is the event that --data gives: itself, the content of @FILE, or for - that of standard
// input. It need not be JSON: how a function answers nonsense is worth trying too. What is longer
// than the platform takes is refused here, before all of it is read.
func ReadEvent(data string, stdin io.Reader) ([]byte, error) {
	from := stdin
	switch file, isFile := strings.CutPrefix(data, "@"); {
	case isFile:
		f, err := os.Open(file)
		if err != nil {
			return nil, bilingual.Errorf("%w", "%w", err)
		}
		defer func() { _ = f.Close() }() // it was only read
		from = f
	case data != "-":
		return []byte(data), nil
	}
	event, err := io.ReadAll(io.LimitReader(from, desk.MaxEvent+1))
	switch {
	case err != nil:
		return nil, bilingual.Errorf("reading it: %w", "读取：%w", err)
	case len(event) > desk.MaxEvent:
		return nil, bilingual.Errorf("an event may have 6 MB at most", "事件不可超过 6 MB")
	}
	return event, nil
}
