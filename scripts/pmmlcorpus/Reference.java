import java.io.BufferedReader;
import java.io.File;
import java.io.InputStreamReader;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jpmml.evaluator.Evaluator;
import org.jpmml.evaluator.EvaluatorUtil;
import org.jpmml.evaluator.LoadingModelEvaluatorBuilder;
import org.jpmml.evaluator.ResultField;

/**
 * Scores documents with JPMML-evaluator. Standard input has a line for each:
 * document, input and result file, separated by tabs. Tables are tab-separated
 * with a header; NA is missing. The result has the target fields, the output
 * fields and _error, which says why a row (or the document) fails.
 */
public class Reference {
  public static void main(String[] args) throws Exception {
    BufferedReader jobs = new BufferedReader(new InputStreamReader(System.in));
    for (String line; (line = jobs.readLine()) != null; ) {
      String[] files = line.split("\t");
      try (PrintWriter out = new PrintWriter(files[2])) {
        score(new File(files[0]), Files.readAllLines(Path.of(files[1])), out);
      }
    }
  }

  static void score(File document, List<String> lines, PrintWriter out) {
    Evaluator evaluator;
    try {
      evaluator = new LoadingModelEvaluatorBuilder().load(document).build();
      evaluator.verify();
    } catch (Exception e) {
      out.println("_error");
      for (int i = 1; i < lines.size(); i++) out.println(error(e));
      return;
    }
    List<String> names = new ArrayList<>();
    for (ResultField f : evaluator.getTargetFields()) names.add(f.getName());
    for (ResultField f : evaluator.getOutputFields()) names.add(f.getName());
    List<String> header = new ArrayList<>();
    for (String n : names) header.add(n == null ? "_target" : n);
    header.add("_error");
    out.println(String.join("\t", header));
    String[] columns = lines.get(0).split("\t", -1);
    for (String line : lines.subList(1, lines.size())) {
      String[] cells = line.split("\t", -1);
      Map<String, Object> record = new LinkedHashMap<>();
      for (int i = 0; i < columns.length; i++) if (!cells[i].equals("NA")) record.put(columns[i], cells[i]);
      out.println(row(evaluator, names, record));
    }
  }

  static String row(Evaluator evaluator, List<String> names, Map<String, Object> record) {
    List<String> cells = new ArrayList<>();
    try {
      Map<String, ?> result = EvaluatorUtil.decodeAll(evaluator.evaluate(record));
      for (String n : names) cells.add(result.get(n) == null ? "NA" : result.get(n).toString());
      cells.add("");
    } catch (Exception e) {
      cells.clear();
      for (String n : names) cells.add("NA");
      cells.add(error(e));
    }
    return String.join("\t", cells);
  }

  static String error(Exception e) {
    return e.getClass().getSimpleName() + ": " + String.valueOf(e.getMessage()).replaceAll("\\s+", " ");
  }
}
