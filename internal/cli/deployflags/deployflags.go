// Package deployflags are the flags of a command that runs functions: which ones, with which
// environment, and when they are started.
package deployflags

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"cloudpay/internal/bilingual"
	"cloudpay/internal/cli/render"
	"cloudpay/internal/emulator/workload"
)

// Flags are the flags, as they are given.
type Flags struct {
	// CallerPolicy is CLOUDPAY_CALLER_POLICY of cloudpay's own functions: any, platform, or empty
	// as they are deployed.
	CallerPolicy string
	// NoTimers says that timers fire only by request.
	NoTimers bool
	// Watch says that a change of the sources restarts the functions.
	Watch bool

	folder        string
	files, single []string
	warm          int
}

// maxWarm is the most processes of a function that are started at once.
const maxWarm = 100

// Register adds the flags to a command.
func (f *Flags) Register(l *render.Language, flags *pflag.FlagSet) {
	flags.StringVar(&f.folder, "functions", "", l.Say(
		"folder of cloudbaserc.json, serverless.yml or serverless.aws.yml; the working directory when left out",
		"cloudbaserc.json、serverless.yml 或 serverless.aws.yml 所在目录；不填则为当前目录"))
	flags.StringArrayVar(&f.single, "env", nil, l.Say("a variable of the functions, NAME=value; may be given several times",
		"云函数的环境变量，名称=值；可多次使用"))
	flags.StringArrayVar(&f.files, "env-file", nil, l.Say("a file of such variables, such as .env; may be given several times",
		"环境变量文件，如 .env；可多次使用"))
	flags.StringVar(&f.CallerPolicy, "caller-policy", "", l.Say(
		"callers that closeorder and queryorder accept without proof: any, platform; none when left out, as when deployed",
		"closeorder 与 queryorder 无需证明即接受的调用方：any、platform；不填则与部署时一样均不接受"))
	flags.BoolVar(&f.NoTimers, "no-timers", false, l.Say("fire timers only by request", "仅在请求时触发定时器"))
	flags.BoolVar(&f.Watch, "watch", false, l.Say("rebuild and restart the functions when their sources change",
		"源码变化时重新编译并重启云函数"))
	flags.IntVar(&f.warm, "warm", 1, l.Say("instances of each function that are started at once", "每个云函数预先启动的实例数"))
}

// Check reports all faults of the flags and of the description files together.
func (f *Flags) Check() error {
	var faults []error
	if policies := []string{"", "any", "platform"}; !slices.Contains(policies, f.CallerPolicy) {
		faults = append(faults, bilingual.Errorf("--caller-policy: must be any or platform, not %q", "--caller-policy：须为 any 或 platform，而不是 %q",
			f.CallerPolicy))
	}
	if f.warm < 0 || f.warm > maxWarm { // 0 is the default, too
		faults = append(faults, bilingual.Errorf("--warm: must be 1 to %d", "--warm：须为 1 至 %d", maxWarm))
	}
	if info, err := os.Stat(f.dir()); err != nil {
		faults = append(faults, bilingual.Errorf("--functions: %w", "--functions：%w", err))
	} else if !info.IsDir() {
		faults = append(faults, bilingual.Errorf("--functions: %s is not a folder", "--functions：%s 不是目录", f.folder))
	}
	o, _, err := f.Options()
	if err == nil && len(faults) == 0 {
		err = workload.Check(o)
	}
	return errors.Join(append(faults, err)...)
}

// dir is the folder of the description files.
func (f *Flags) dir() string {
	if f.folder == "" {
		return "."
	}
	return f.folder
}

// Source is the flag that sets a variable of the functions; empty if none does.
func (f *Flags) Source(name string, given map[string]string) string {
	if _, set := given[name]; !set {
		return ""
	}
	if slices.ContainsFunc(f.single, func(text string) bool { return strings.HasPrefix(text, name+"=") }) {
		return "--env"
	}
	return "--env-file"
}

// Options are what the flags say of the functions: the folder, the variables, the warm instances.
// notes name the variables of files that are left out. The error is Check's: files may have
// changed.
func (f *Flags) Options() (o workload.Options, notes []bilingual.Text, err error) {
	dir, err := filepath.Abs(f.dir())
	if err != nil {
		return o, nil, bilingual.Errorf("--functions: %w", "--functions：%w", err)
	}
	given, leftOut, err := workload.Variables(f.files, f.single)
	if err != nil {
		return o, nil, err
	}
	if len(leftOut) > 0 {
		notes = append(notes, bilingual.Sprintf("left out of --env-file, since the emulator sets them: %s",
			"--env-file 中以下变量由模拟器设置，已略过：%s", strings.Join(leftOut, ", ")))
	}
	return workload.Options{Dir: dir, Given: given, Files: f.files, Lookup: os.LookupEnv, Warm: f.warm}, notes, nil
}
