package calls

import (
	"errors"
	"io"
	"os"
	"regexp"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"cloudpay/internal/bilingual"
	"cloudpay/internal/cli/moment"
	"cloudpay/internal/cli/render"
	"cloudpay/internal/emulator/access"
	"cloudpay/internal/emulator/desk"
)

// Flags are the flags that say what calls a function, from where, and with what.
type Flags struct {
	trigger, method, path string
	timer                 bool
	// as is a caller in the words of [ParseCaller]. openID, appID and service are older flags: a
	// user's openid under a mini-program, and whether the service token comes with the call.
	as, openID, appID string
	service           bool
	// data is the event, @FILE, or - for standard input.
	data string
	// at is a timer's time, and key is ID:SECRET.
	at, key string

	call    Call // as far as Check has read it
	hasData bool
}

// Register adds the flags to a command.
func (f *Flags) Register(l *render.Language, flags *pflag.FlagSet) {
	flags.StringVar(&f.trigger, "trigger", Direct, l.Say("what calls the function: %s", "触发方式：%s", strings.Join(Triggers(), ", ")))
	flags.StringVar(&f.as, "as", "", l.Say("the caller: %s", "调用方：%s", strings.Join(Callers(), ", ")))
	flags.StringVar(&f.data, "data", "{}", l.Say("the event as JSON, @FILE, or - for standard input", "JSON 格式的事件，或 @文件，或 - 表示标准输入"))
	flags.StringVar(&f.method, "method", "", l.Say("method of an HTTP request; POST when empty", "HTTP 请求的方法；不填则为 POST"))
	flags.StringVar(&f.path, "path", "",
		l.Say("path and query of an HTTP request; the function's name when empty", "HTTP 请求的路径与查询；不填则为函数名"))
	flags.BoolVar(&f.timer, "timer", false, l.Say("fire the function's timer; the same as --trigger timer", "触发云函数的定时器，同 --trigger timer"))
	flags.StringVar(&f.at, "at", "", l.Say("a timer's time, such as 2026-11-29T18:30:00+08:00 or \"2026-11-29 18:30\"; now when empty",
		"定时器的触发时间，如 2026-11-29T18:30:00+08:00 或 \"2026-11-29 18:30\"；不填则为当前时间"))
	flags.StringVar(&f.key, "key", "", l.Say("sign a call by sdk, scf or aws with this key, ID:SECRET; the emulator's own when empty",
		"以该密钥（ID:SECRET）为 sdk、scf 或 aws 的调用签名；不填则用模拟器的密钥"))
	flags.StringVar(&f.openID, "openid", "",
		l.Say("call as this mini-program user; the same as --as user:OPENID", "以该小程序用户身份调用，同 --as user:OPENID"))
	flags.StringVar(&f.appID, "appid", "", l.Say("the user's mini-program; the merchant's own when empty", "用户所属小程序；不填则为商户自己的"))
	flags.BoolVar(&f.service, "service", false,
		l.Say("call with the emulator's service token; the same as --as service", "附上模拟器的服务令牌，同 --as service"))
}

// Check reads the flags but for the event, and reports every fault. given tells whether a flag was
// given. A key is not quoted: it has a secret.
func (f *Flags) Check(given func(flag string) bool) error {
	f.call, f.hasData = Call{Trigger: f.trigger, Method: f.method, Path: f.path}, given("data")
	var timerErr, asErr, atErr, keyErr error
	if f.timer {
		f.call.Trigger, timerErr = Timer, checkTimerAlone(given)
	}
	f.call.As, asErr = f.caller(given)
	if given("at") {
		f.call.At, atErr = readTime(f.at)
	}
	if given("key") {
		f.call.Key, keyErr = access.ParseKey(f.key)
	}
	if keyErr != nil {
		keyErr = bilingual.Errorf("--key: %w", "--key：须写作 ID:SECRET：%w", keyErr)
	}
	return errors.Join(timerErr, asErr, atErr, keyErr)
}

// Call is the call of a function that the flags describe, which [Flags.Check] finds nothing wrong
// with. It reads the event, from stdin if --data says so.
func (f *Flags) Call(function string, stdin io.Reader) (Call, error) {
	c := f.call
	c.Function = function
	if !f.hasData {
		return c, nil
	}
	var err error
	c.Data, err = readEvent(f.data, stdin)
	return c, err
}

// checkTimerAlone reports a flag that --timer has no use for. A timer is the platform's, and brings
// neither an event nor a caller: such a flag is not passed over, since an effect of it is expected.
func checkTimerAlone(given func(flag string) bool) error {
	for _, name := range []string{"trigger", "as", "data", "openid", "appid", "service"} {
		if given(name) {
			return bilingual.Errorf("--timer: is the platform's own call; leave --%s out", "--timer：是平台自己的调用；请去掉 --%s", name)
		}
	}
	return nil
}

// readTime reads a timer's time; one without a zone is in this machine's.
func readTime(text string) (time.Time, error) {
	at, is := moment.Time(text, time.Now().Location())
	if !is {
		return at, bilingual.Errorf("--at: must be a time such as 2026-11-29T18:30:00+08:00 or 2026-11-29 18:30, not %q",
			"--at：须为时间，如 2026-11-29T18:30:00+08:00 或 2026-11-29 18:30，而不是 %q", text)
	}
	return at, nil
}

// plainID matches openids and appids: they become the values of headers.
var plainID = regexp.MustCompile(`^[0-9A-Za-z_-]{1,128}$`)

// caller is the one that the flags name. On the real platform a caller cannot choose an identity;
// the emulated one takes it from headers, which these flags become.
//
// A flag that is given and empty, as by a variable that is not set, is an error: without a user the
// call would be an operator's.
func (f *Flags) caller(given func(flag string) bool) (Caller, error) {
	for _, id := range []struct{ flag, value string }{{"openid", f.openID}, {"appid", f.appID}} {
		if given(id.flag) && !plainID.MatchString(id.value) {
			return Caller{}, bilingual.Errorf("--%s: must be 1 to 128 of letters, digits, _ and -, not %q",
				"--%s：须为 1 至 128 个字母、数字、_ 或 -，而不是 %q", id.flag, id.value)
		}
	}
	switch {
	case given("as") && (f.openID != "" || f.service):
		return Caller{}, bilingual.Errorf("--as: leave --openid, --appid and --service out with it", "--as：请勿与 --openid、--appid、--service 同用")
	case given("as"):
		as, err := ParseCaller(f.as)
		if err != nil {
			return Caller{}, bilingual.Errorf("--as: %w", "--as：%w", err)
		}
		return as, nil
	case f.appID != "" && f.openID == "":
		return Caller{}, bilingual.Errorf("--appid: is the mini-program of a user; give --openid too", "--appid：是用户所属小程序；请同时提供 --openid")
	}
	as := Caller{}
	if f.openID != "" {
		as = Caller{kind: asUser, id: f.openID, appID: f.appID}
	}
	// A call may come from a user and have the service token: the function decides which counts.
	if f.service {
		as = as.withServiceToken()
	}
	return as, nil
}

// readEvent is the event that --data gives: itself, the content of @FILE, or for - that of standard
// input. It need not be JSON: how a function answers nonsense is worth trying too. What is longer
// than the platform takes is refused here, before all of it is read.
func readEvent(data string, stdin io.Reader) ([]byte, error) {
	from := stdin
	switch file, isFile := strings.CutPrefix(data, "@"); {
	case isFile:
		f, err := os.Open(file)
		if err != nil {
			return nil, bilingual.Errorf("--data: %w", "--data：%w", err)
		}
		defer func() { _ = f.Close() }() // it was only read
		from = f
	case data != "-":
		return []byte(data), nil
	}
	event, err := io.ReadAll(io.LimitReader(from, desk.MaxEvent+1))
	switch {
	case err != nil:
		return nil, bilingual.Errorf("--data: reading it: %w", "--data：读取：%w", err)
	case len(event) > desk.MaxEvent:
		return nil, bilingual.Errorf("--data: an event may have 6 MB at most", "--data：事件不可超过 6 MB")
	}
	if event == nil {
		event = []byte{} // an empty file was given
	}
	return event, nil
}
