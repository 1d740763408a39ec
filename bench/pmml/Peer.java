import java.io.BufferedReader;
import java.io.File;
import java.io.InputStreamReader;
import java.io.PrintWriter;
import java.lang.management.ManagementFactory;
import java.lang.management.ThreadMXBean;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jpmml.evaluator.Evaluator;
import org.jpmml.evaluator.EvaluatorUtil;
import org.jpmml.evaluator.LoadingModelEvaluatorBuilder;
import org.jpmml.evaluator.ResultField;
import org.jpmml.transpiler.FileTranspiler;
import org.jpmml.transpiler.TranspilerTransformer;

/**
 * JPMML-evaluator for the benchmark, by commands on standard input, each
 * answered by a line: "load NAME DOCUMENT interpreted|transpiled" gives seconds
 * and how many bytes of the heap the evaluator keeps,
 * "rows TABLE" their number, "check NAME FILE" writes the results, "time NAME
 * MILLISECONDS" gives nanoseconds of the thread's processor time per record.
 * Arguments are separated by tabs.
 */
public class Peer {
  private static final ThreadMXBean THREADS = ManagementFactory.getThreadMXBean();
  private final Map<String, Evaluator> evaluators = new HashMap<>();
  private final List<Map<String, Object>> rows = new ArrayList<>();
  private int sink; // keeps results from being optimized away

  public static void main(String[] args) throws Exception {
    Peer peer = new Peer();
    BufferedReader commands = new BufferedReader(new InputStreamReader(System.in));
    for (String line; (line = commands.readLine()) != null; ) {
      String answer;
      try {
        answer = peer.run(line.split("\t"));
      } catch (Throwable e) {
        answer = "error " + String.valueOf(e).replace('\n', ' ');
      }
      System.out.println(answer);
      System.out.flush();
    }
  }

  private String run(String[] c) throws Exception {
    switch (c[0]) {
      case "rows": return String.valueOf(read(Path.of(c[1])));
      case "load": return load(c[1], new File(c[2]), c[3].equals("transpiled"));
      case "check": return check(evaluators.get(c[1]), Path.of(c[2]));
      case "time": return String.valueOf(time(evaluators.get(c[1]), Long.parseLong(c[2]) * 1_000_000));
      case "drop": evaluators.clear(); return "ok";
      default: return "error: unknown command " + c[0];
    }
  }

  private int read(Path table) throws Exception {
    List<String> lines = Files.readAllLines(table);
    String[] names = lines.get(0).split("\t");
    rows.clear();
    for (String line : lines.subList(1, lines.size())) {
      String[] cells = line.split("\t");
      Map<String, Object> row = new LinkedHashMap<>();
      for (int i = 0; i < names.length; i++) row.put(names[i], Double.valueOf(cells[i]));
      rows.add(row);
    }
    return rows.size();
  }

  private String load(String name, File document, boolean transpiled) throws Exception {
    long before = heap(), start = System.nanoTime();
    LoadingModelEvaluatorBuilder builder = new LoadingModelEvaluatorBuilder().load(document);
    if (transpiled) {
      File jar = File.createTempFile("transpiled", ".jar");
      jar.deleteOnExit();
      builder.transform(new TranspilerTransformer(new FileTranspiler(null, jar)));
    }
    evaluators.put(name, builder.build());
    double seconds = (System.nanoTime() - start) / 1e9;
    builder = null;
    return seconds + " " + Math.max(0, heap() - before);
  }

  /** The live heap; collected until it shrinks no more, for caches that are weak. */
  private static long heap() {
    Runtime r = Runtime.getRuntime();
    long used = Long.MAX_VALUE, now;
    for (int i = 0; i < 10; i++) {
      System.gc();
      now = r.totalMemory() - r.freeMemory();
      if (now >= used) break;
      used = now;
    }
    return used;
  }

  private String check(Evaluator evaluator, Path file) throws Exception {
    List<String> names = new ArrayList<>();
    for (ResultField f : evaluator.getTargetFields()) names.add(f.getName());
    for (ResultField f : evaluator.getOutputFields()) names.add(f.getName());
    try (PrintWriter out = new PrintWriter(Files.newBufferedWriter(file))) {
      List<String> header = new ArrayList<>();
      for (String n : names) header.add(String.valueOf(n));
      out.println(String.join("\t", header));
      for (Map<String, Object> row : rows) {
        Map<String, ?> results = EvaluatorUtil.decodeAll(evaluator.evaluate(row));
        List<String> cells = new ArrayList<>();
        for (String n : names) cells.add(String.valueOf(results.get(n)));
        out.println(String.join("\t", cells));
      }
    }
    return "ok";
  }

  private double time(Evaluator evaluator, long nanos) {
    long records = 0, start = THREADS.getCurrentThreadCpuTime(), now;
    do {
      for (Map<String, Object> row : rows) sink += evaluator.evaluate(row).size();
      records += rows.size();
      now = THREADS.getCurrentThreadCpuTime();
    } while (now - start < nanos);
    return (double) (now - start) / records;
  }
}
