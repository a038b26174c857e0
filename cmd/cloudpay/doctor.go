package main

import (
	"context"
	"fmt"
	"io"
	"iter"
	"os"
	"time"

	"github.com/spf13/cobra"

	"cloudpay/internal/bilingual"
	"cloudpay/internal/cli/render"
	"cloudpay/internal/doctor"
	"cloudpay/internal/printable"
)

// doctorCmd is one run of doctor.
type doctorCmd struct {
	*render.Language

	// certificate is a file to compare the configuration with; empty: none.
	certificate string
	// subMchID is the sub-merchant of the query that is sent; empty: the configured one, or none.
	subMchID string
	// emulator is the folder of one whose environment is examined; empty: this process's.
	emulator string
	// deploy is a file that describes a deployment; it is examined instead of an environment.
	deploy string
	// envFiles are files of the values of that file's placeholders.
	envFiles []string
	// timeout bounds the whole examination: one that hangs is of no use to a script.
	timeout time.Duration
	// offline leaves the network out, json prints findings for programs, verbose shows the log.
	offline, json, verbose bool
	// send has test events delivered; strict makes warnings count as faults for the exit code.
	send, strict bool
}

// newDoctor makes the command doctor. Its findings are those of package doctor, in the order in
// which a person would look; each is printed when it is known, since the network may take a while.
func newDoctor(l *render.Language) *cobra.Command {
	d := &doctorCmd{Language: l}
	cmd := describe(l, "doctor", &cobra.Command{
		Args: noArguments,
		RunE: d.run,
	})
	flags := cmd.Flags()
	flags.StringVar(&d.certificate, "certificate", "", l.Say(
		"the merchant's apiclient_cert.pem, to compare with the configuration", "商户的 apiclient_cert.pem，用于与配置核对"))
	flags.StringVar(&d.subMchID, "sub-mch-id", "", l.Say(
		"the sub-merchant that a service provider asks for; WXPAY_SUB_MCHID when left out", "服务商查单的子商户；不填则取 WXPAY_SUB_MCHID"))
	flags.BoolVar(&d.offline, "offline", false, l.Say("leave out what needs the network", "不做需要网络的检查"))
	flags.BoolVar(&d.send, "send", false, l.Say("deliver two test events to CLOUDPAY_NOTIFY_URL, one of them signed wrongly",
		"向 CLOUDPAY_NOTIFY_URL 投递两个测试事件，其中一个签名错误"))
	flags.BoolVar(&d.strict, "strict", false, l.Say("exit with 1 for warnings too", "有警告时也以 1 退出"))
	flags.DurationVar(&d.timeout, "timeout", doctor.DefaultTimeout, l.Say("how long the examination may take", "体检的时限"))
	flags.BoolVar(&d.json, "json", false, l.Say("print the findings as JSON, one a line", "逐行输出 JSON 结果"))
	flags.BoolVarP(&d.verbose, "verbose", "v", false, l.Text(verbosely))
	emulatorFlag(l, cmd, &d.emulator)
	flags.StringVar(&d.deploy, "deploy", "", l.Say("examine a file that describes the deployment instead, such as cloudbaserc.json",
		"改为检查部署描述文件，如 cloudbaserc.json"))
	flags.StringArrayVar(&d.envFiles, "env-file", nil, l.Say(
		"a file of the values for its placeholders, such as .env; may be given several times", "其占位符取值的文件，如 .env；可多次使用"))
	_ = cmd.MarkFlagFilename("certificate", "pem")
	_ = cmd.MarkFlagFilename("deploy", "json", "yml", "yaml")
	return cmd
}

// run prints each finding as soon as it is there, and ends with the counts. Warnings leave the exit
// code 0 without --strict, so that a script may run the examination before each deployment. An
// examination that was interrupted proves nothing, whatever it found until then.
func (d *doctorCmd) run(cmd *cobra.Command, _ []string) error {
	if err := checkLanguage(d.Language); err != nil {
		return err
	}
	if d.timeout <= 0 {
		return usagef("--timeout: must be longer than nothing, such as 15s", "--timeout：须大于零，如 15s")
	}
	if d.deploy != "" {
		return d.runDeploy(cmd)
	}
	if len(d.envFiles) > 0 {
		return usagef("--env-file: has a use with --deploy only", "--env-file：只与 --deploy 一起使用")
	}
	environ, err := environment(d.emulator)
	if err != nil {
		return err
	}
	// The environment is handed over whole: faults of single variables are what is looked for.
	examination := &doctor.Doctor{Environ: environ, Certificate: d.certificate, SubMchID: d.subMchID, Offline: d.offline, Send: d.send}
	if d.verbose { // the log of the one query that it sends
		examination.Logs = cmd.ErrOrStderr()
	}
	// What is not examined when the time is up is a fault of the network, and reported as one.
	ctx, cancel := context.WithTimeout(cmd.Context(), d.timeout)
	defer cancel()
	return d.report(cmd, examination.Examine(ctx))
}

// runDeploy examines a description of a deployment.
func (d *doctorCmd) runDeploy(cmd *cobra.Command) error {
	for _, other := range []string{"emulator", "certificate", "sub-mch-id", "send", "verbose"} {
		if cmd.Flags().Changed(other) {
			return usagef("--deploy: reads files alone, so that --%s has no use", "--deploy：只读取文件，--%s 不起作用", other)
		}
	}
	ctx, cancel := context.WithTimeout(cmd.Context(), d.timeout)
	defer cancel()
	deployment := doctor.Deployment{File: d.deploy, EnvFiles: d.envFiles, Environ: os.Environ()}
	return d.report(cmd, deployment.Examine(ctx))
}

// report prints findings as they come, and then the counts. The error says that there are faults.
func (d *doctorCmd) report(cmd *cobra.Command, findings iter.Seq[doctor.Finding]) error {
	counts := map[doctor.Level]int{}
	for finding := range findings {
		counts[finding.Level]++
		d.tell(cmd.OutOrStdout(), finding)
	}
	// A finding that was skipped counts as neither: it proves nothing in either direction.
	faults, warnings := counts[doctor.LevelFault], counts[doctor.LevelWarning]
	switch {
	case cmd.Context().Err() != nil:
		return bilingual.Errorf("%w: the examination is not complete", "%w：体检未完成", errInterrupted)
	case !d.json:
		fmt.Fprint(cmd.OutOrStdout(), d.Say("faults: %d, warnings: %d\n", "错误 %d 项，警告 %d 项\n", faults, warnings))
	}
	if faults > 0 || d.strict && warnings > 0 {
		return exit(exitFault)
	}
	return nil
}

// signs stand before findings, by level. The help of the command explains them.
var signs = map[doctor.Level]string{
	doctor.LevelFact: "·", doctor.LevelFine: "✓", doctor.LevelSkipped: "-", doctor.LevelWarning: "!", doctor.LevelFault: "✗",
}

// titleWidth is the longest title's, in either language. A finding's title is known when it is
// printed, and those of later ones are not.
const titleWidth = 13

// tell prints one finding, with what to do about it on a line of its own below. Findings quote the
// environment, which may hold anything, so they are escaped.
func (d *doctorCmd) tell(out io.Writer, f doctor.Finding) {
	if d.json {
		render.JSON(out, f.In(d.Chinese))
		return
	}
	text := d.Text(f.Found)
	if f.Subject != "" {
		text = f.Subject + d.Say(": ", "：") + text
	}
	fmt.Fprintf(out, "%s %s  %s\n", signs[f.Level], render.Pad(d.Text(f.Check.Title()), titleWidth), printable.Text(text))
	if remedy := d.Text(f.Remedy); remedy != "" {
		fmt.Fprintf(out, "  %s  → %s\n", render.Pad("", titleWidth), printable.Text(remedy))
	}
}
