package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"cloudpay/internal/bilingual"
	"cloudpay/internal/doctor"
	"cloudpay/internal/printable"
)

// examining is one run of doctor: what its flags say.
type examining struct {
	certificate, subMchID, emulator string
	timeout                         time.Duration
	offline, json, verbose          bool
	language                        *language
}

func newDoctor(l *language) *cobra.Command {
	e := &examining{language: l}
	cmd := &cobra.Command{
		Use: "doctor",
		Short: l.say(words("Check the configuration, the keys, the network and the clock, and say how to mend them",
			"体检配置、密钥、网络与时钟，并说明如何修正")),
		Long: l.say(words(`doctor examines the configuration in this process's environment: every fault in
it, whether the keys belong together and to the certificate, who may call the
functions, whether WeChat Pay's addresses can be reached, and whether the clock
agrees with theirs. Then it asks one question that changes nothing, about an order
whose number is made up: a signed ORDERNOTEXIST proves that merchant, key, serial
number and verification are all right.

It shows no secret, and no value that may be one in the wrong place.

  ✓ fine   · a fact   - not looked at   ! worth a look   ✗ wrong; → what to do

Exit codes:
  0  no fault, though there may be warnings
  1  at least one fault
  2  the command line is wrong`, `doctor 体检本进程环境变量中的配置：其中的每一处错误，密钥之间及与证书是否配套，谁可以调用函数，
微信支付的地址是否可达，时钟是否一致。然后以随机订单号实测一次查单，不会改变任何订单：带签名的
ORDERNOTEXIST 证明商户号、密钥、序列号与验签均正确。

不显示任何密钥，也不显示可能误填为密钥的值。

  ✓ 正常   · 事实   - 未检查   ! 值得留意   ✗ 有误；→ 如何修正

退出码：
  0  没有错误，可能有警告
  1  至少一处错误
  2  命令行有误`)),
		Example: `  cloudpay doctor
  cloudpay doctor --certificate apiclient_cert.pem --lang zh
  cloudpay doctor --offline --json
  cloudpay doctor --emulator .cloudpay`,
		Args: noArguments,
		RunE: e.run,
	}
	flags := cmd.Flags()
	flags.SortFlags = false
	flags.SetNormalizeFunc(spellings)
	flags.StringVar(&e.certificate, "certificate", "", l.say(words(
		"the merchant's apiclient_cert.pem, to compare with the configuration", "商户的 apiclient_cert.pem，用于与配置核对")))
	flags.StringVar(&e.subMchID, "sub-mch-id", "", l.say(words(
		"the sub-merchant that a service provider asks for; WXPAY_SUB_MCHID when left out", "服务商查单的子商户；不填则取 WXPAY_SUB_MCHID")))
	flags.BoolVar(&e.offline, "offline", false, l.say(words("leave out what needs the network", "不做需要网络的检查")))
	flags.DurationVar(&e.timeout, "timeout", doctor.DefaultTimeout, l.say(words("how long the examination may take", "体检的时限")))
	flags.BoolVar(&e.json, "json", false, l.say(words("print the findings as JSON, one a line", "逐行输出 JSON 结果")))
	flags.BoolVarP(&e.verbose, "verbose", "v", false, l.say(verbosely))
	l.registerEmulator(cmd, &e.emulator)
	_ = cmd.MarkFlagFilename("certificate", "pem")
	return cmd
}

func (e *examining) run(cmd *cobra.Command, _ []string) error {
	if err := e.language.check(); err != nil {
		return err
	}
	if e.timeout <= 0 {
		return usagef("--timeout: must be longer than nothing, such as 15s", "--timeout：须大于零，如 15s")
	}
	environ, err := environment(e.emulator)
	if err != nil {
		return err
	}
	d := &doctor.Doctor{Environ: environ, Certificate: e.certificate, SubMchID: e.subMchID, Offline: e.offline}
	if e.verbose {
		d.Logs = cmd.ErrOrStderr()
	}
	ctx, cancel := context.WithTimeout(cmd.Context(), e.timeout)
	defer cancel()
	counts := map[doctor.Level]int{}
	for finding := range d.Examine(ctx) {
		counts[finding.Level]++
		e.tell(cmd.OutOrStdout(), finding)
	}
	if cmd.Context().Err() != nil {
		return bilingual.Errorf("%w: the examination is not complete", "%w：体检未完成", errInterrupted)
	}
	return e.end(cmd.OutOrStdout(), counts)
}

// signs stand before findings, by level.
var signs = map[doctor.Level]string{
	doctor.LevelFact: "·", doctor.LevelFine: "✓", doctor.LevelSkipped: "-", doctor.LevelWarning: "!", doctor.LevelFault: "✗",
}

// titleWidth is the longest title's, in either language.
const titleWidth = 13

func (e *examining) tell(out io.Writer, f doctor.Finding) {
	if e.json {
		sayJSON(out, f.In(e.language.chinese))
		return
	}
	chinese := e.language.chinese
	text := f.Found.In(chinese)
	if f.Subject != "" {
		text = f.Subject + e.language.say(words(": ", "：")) + text
	}
	fmt.Fprintf(out, "%s %s  %s\n", signs[f.Level], padded(f.Check.Title().In(chinese), titleWidth), printable.Text(text))
	if remedy := f.Remedy.In(chinese); remedy != "" {
		fmt.Fprintf(out, "  %s  → %s\n", padded("", titleWidth), printable.Text(remedy))
	}
}

// end sums up, and returns the exit code.
func (e *examining) end(out io.Writer, counts map[doctor.Level]int) error {
	faults, warnings := counts[doctor.LevelFault], counts[doctor.LevelWarning]
	if !e.json {
		fmt.Fprint(out, e.language.sayf("faults: %d, warnings: %d\n", "错误 %d 项，警告 %d 项\n", faults, warnings))
	}
	if faults > 0 {
		return &exitError{code: exitFault}
	}
	return nil
}

// noArguments refuses arguments as an error of usage.
func noArguments(cmd *cobra.Command, args []string) error {
	if len(args) > 0 {
		return usagef("%s takes no arguments, and %q is one (see %s --help)", "%s 不接受参数，而 %q 是参数（见 %s --help）",
			cmd.CommandPath(), args[0], cmd.CommandPath())
	}
	return nil
}
