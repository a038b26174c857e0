package deployfile

import (
	"regexp"
	"strconv"
	"time"

	"cloudpay/internal/emulator/cron"
)

// The limits of the clouds (SCF doc 583/11637, 583/9708; Lambda has 900 s and 10240 MB).
const (
	maxSeconds   = 900
	maxMegabytes = 10240
	maxMessage   = 4 << 10
)

// functionName is a name that SCF accepts, for functions and for triggers.
var functionName = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_-]{0,59}$`)

// seconds is a time limit; 0 if there is none.
func (r *reader) seconds(v *value) time.Duration {
	return time.Duration(r.number(v, maxSeconds)) * time.Second
}

// megabytes is a size of memory; 0 if there is none.
func (r *reader) megabytes(v *value) int { return r.number(v, maxMegabytes) }

// number is a whole number from 1 on; 0 if there is none.
func (r *reader) number(v *value, most int) int {
	before := len(r.faults)
	text := r.text(v)
	if text == "" || len(r.faults) > before || r.leaves(v) {
		return 0
	}
	number, err := strconv.Atoi(text)
	if err != nil || number < 1 || number > most {
		r.fault(v, "%q is not a whole number from 1 to %d", "%q 不是 1 至 %d 的整数", text, most)
		return 0
	}
	return number
}

// variables are a function's environment. A variable that is overridden is not looked at, so that a
// placeholder that only the cloud can fill in can be replaced.
func (r *reader) variables(v *value) map[string]string {
	if !v.present() {
		return nil
	}
	if v.kind != mapping {
		r.fault(v, "variables must be an object of names and values", "环境变量须为名与值的对象")
		return nil
	}
	env := map[string]string{}
	for _, m := range v.members {
		r.noteVariable(m.key, m.line, m.value)
		switch {
		case r.source.Lenient && (m.value.kind == mapping || m.value.kind == list):
			env[m.key] = ""
		case !r.source.Lenient && r.source.Overridden(m.key):
		case m.value.kind == mapping || m.value.kind == list:
			r.fault(m.value, "%s gets its value only in the cloud: give it with --env %s=…", "%s 的值仅在云上生成：请用 --env %s=… 提供", m.key, m.key)
		default:
			env[m.key] = r.text(m.value)
		}
	}
	return env
}

// scfTimer is a timer of SCF's. message may be nil.
func (r *reader) scfTimer(function string, name, expression, message *value) Timer {
	t := Timer{Name: r.text(name), Message: r.text(message)}
	if t.Name == "" {
		t.Name = function + "_timer"
	}
	if name.present() && !functionName.MatchString(t.Name) {
		r.fault(name, "%q: a trigger's name is a letter, then letters, digits, - and _, at most 60 characters in all",
			"%q：触发器名须以字母开头，由字母、数字、- 与 _ 组成，至多 60 个字符", t.Name)
	}
	if len(t.Message) > maxMessage {
		r.fault(message, "a timer's argument has at most %d bytes", "定时器的入参至多 %d 字节", maxMessage)
	}
	t.Expression = r.text(expression)
	if !expression.present() {
		r.fault(at(name, expression), "timer %s has no expression", "定时器 %s 没有表达式", t.Name)
		return t
	}
	var err error
	if t.Schedule, err = cron.SCF(t.Expression); err != nil && !r.leaves(expression) {
		r.fault(expression, "timer %s: %w", "定时器 %s：%w", t.Name, err)
	}
	return t
}

// at is the first value that is there, for the line of a fault.
func at(values ...*value) *value {
	for _, v := range values {
		if v != nil {
			return v
		}
	}
	return &value{line: 1}
}

// enabled reports whether a trigger is on, as it is unless it says false.
func (r *reader) enabled(v *value) bool {
	switch text := r.text(v); text {
	case "", "true", "OPEN":
		return true
	case "false", "CLOSE":
		return false
	default:
		r.fault(v, "%q is neither true nor false", "%q 既不是 true 也不是 false", text)
		return false
	}
}
